"""The clients that people have installed, each in its own environment, from first to last.

All run at once against one installation, as they would; the newest one twice, because the address
of mlgov may have a path.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.mlflow_client import clients
from tests.contract.mlflow_client.installed.conftest import Installation
from tests.contract.mlflow_client.installed.expected import expected_of

pytestmark = [pytest.mark.slow, pytest.mark.clients]

SCENARIO = clients.HERE / "scenario.py"
PATIENCE = 280
NEWEST = clients.VERSIONS[0]


class Client:
    """One client at work."""

    def __init__(
        self, installation: Installation, version: str, directory: Path, *, below: bool = False
    ) -> None:
        self.name = f"{version} below a path" if below else version
        self.version = version
        self.uri = installation.url_below if below else installation.url
        directory = directory / self.name.replace(" ", "-")
        directory.mkdir()
        self.outcome, self.log = directory / "outcome.json", directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(str(clients.python_of(version)), "-I", str(SCENARIO)),
                    *(str(self.outcome), self.name.replace(".", "-").replace(" ", "-")),
                ],
                env={**installation.environment(self.uri), "HOME": str(directory)},
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def steps(self) -> dict[str, Any]:
        status = self.process.wait(PATIENCE)
        print(f"---- {self.name}\n{self.log.read_text()}")  # shown where the test fails
        assert status == 0
        found = json.loads(self.outcome.read_text())
        assert found["version"] == self.version
        return found["steps"]


def test_every_version_does_the_whole_way(
    installation: Installation, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    working = [Client(installation, version, tmp_path) for version in clients.VERSIONS]
    working.append(Client(installation, NEWEST, tmp_path, below=True))
    for client in working:
        with subtests.test(client.name):
            steps = client.steps()
            refusal = steps["stage_that_asks_for_a_review"].get("found", {}).pop("says", "")

            found = {step: said.get("error", said.get("found")) for step, said in steps.items()}
            assert found == expected_of(client.version)
            # The person at the notebook is led to the page where it goes on.
            assert re.search(rf" {re.escape(installation.url_below)}/reviews/\d+", refusal)
