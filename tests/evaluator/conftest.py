import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

SERVING = Path(__file__).resolve().parents[2] / "serving"
sys.path.insert(0, str(SERVING))  # the product does not import it: it has an environment of its own

from tests.evaluator.models import Answers, serving  # noqa: E402

Serve = Callable[[Answers], str]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve a function from rows to predictions as the model server does; its address."""
    with ExitStack() as running:

        def start(answers: Answers) -> str:
            running.close()
            return running.enter_context(serving(answers, tmp_path / "model.sock"))

        yield start


@pytest.fixture
def nothing_said() -> Callable[[str], Any]:
    return lambda _: None
