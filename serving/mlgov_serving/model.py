import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from mlgov_serving import refusals
from mlgov_serving.metrics import Metrics
from mlgov_serving.refusals import Refusal, Vocabulary


@dataclass
class Attempt:
    """What happened to one request inside the model. The server below tells it in prose only."""

    reached_the_model: bool = False
    refusal: Refusal | None = None


# The prediction runs in another task and thread, in a copy of the context: the object is the same.
attempt: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


class MeasuredModel:
    """A pyfunc model that counts, measures and remembers why it refused."""

    def __init__(self, model: Any, metrics: Metrics) -> None:
        self._model = model
        self._metrics = metrics
        self._vocabulary = Vocabulary.of(model.metadata)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        current = attempt.get() or Attempt()
        current.reached_the_model = True
        started = time.perf_counter()
        try:
            predictions = self._model.predict(data, params=params)
        except Exception as error:
            current.refusal = refusals.from_model(error, data, self._vocabulary)
            raise
        finally:
            self._metrics.predict_seconds.observe(time.perf_counter() - started)
        self._metrics.rows.inc(_rows(data))
        return predictions


def _rows(data: Any) -> int:
    if isinstance(data, dict):
        data = next(iter(data.values()), ())
    try:
        return 1 if isinstance(data, (str, bytes)) else len(data)
    except TypeError:
        return 1
