import platform

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from mlgov_serving.identity import Identity

TEXT = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
OF_A_MODEL = ("endpoint", "model_name", "model_version")


class Metrics:
    """The numbers of one replica, in a registry of its own: the model's libraries have theirs."""

    def __init__(self, identity: Identity, mlflow_version: str = "") -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        model = (identity.endpoint, identity.model_name, identity.model_version)
        self._requests = Counter(
            "mlgov_inference_requests",
            "Answers to /invocations.",
            (*OF_A_MODEL, "code"),
            registry=self.registry,
        )
        self._model = model
        self.seconds = Histogram(
            "mlgov_inference_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            OF_A_MODEL,
            buckets=SECONDS,
            registry=self.registry,
        ).labels(*model)
        self.in_flight = Gauge(
            "mlgov_inference_in_flight",
            "Requests that are being answered.",
            OF_A_MODEL,
            registry=self.registry,
        ).labels(*model)
        self.rows = Counter(
            "mlgov_inference_rows", "Rows scored.", OF_A_MODEL, registry=self.registry
        ).labels(*model)
        self.predict_seconds = Histogram(
            "mlgov_model_predict_seconds",
            "Time inside the model, with the check of the signature.",
            OF_A_MODEL,
            buckets=SECONDS,
            registry=self.registry,
        ).labels(*model)
        facts = (*OF_A_MODEL, "deployment", "digest", "mlflow_version", "python_version")
        Gauge("mlgov_model_info", "Always 1.", facts, registry=self.registry).labels(
            *model,
            identity.deployment,
            identity.digest,
            mlflow_version,
            platform.python_version(),
        ).set(1)

    def answered(self, code: int, seconds: float) -> None:
        self._requests.labels(*self._model, str(code)).inc()
        self.seconds.observe(seconds)

    def render(self, accept: str) -> tuple[bytes, str]:
        if "application/openmetrics-text" in accept:
            return generate_openmetrics(self.registry), OPENMETRICS
        return generate_latest(self.registry), TEXT
