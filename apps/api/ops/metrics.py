"""What Prometheus may ask: requests are counted as they come, the rest is read when it scrapes."""

import os
from collections.abc import Iterator

from django.db.models import Count, Min, Model
from django.utils import timezone
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from apps.deployments.models import Deployment
from apps.deployments.states import DeploymentState
from apps.outbox.models import MessageState, OutboxMessage
from apps.reviews.models import ReviewRequest
from apps.reviews.states import ReviewState
from apps.runs.models import Run, WorkerBeat
from apps.runs.states import RunState

# By the name of the view, never by the path: paths are without end.
REQUESTS = Counter("mlgov_http_requests", "Requests answered.", ["view", "method", "status"])
SECONDS = Histogram(
    "mlgov_http_request_duration_seconds",
    "Time to the first byte of the answer.",
    ["view"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class StateOfAffairs(Collector):
    """Gauges that the database answers."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _by_state("mlgov_reviews", "Review requests.", ReviewRequest, ReviewState.values)
        yield _by_state("mlgov_runs", "Runs.", Run, RunState.values)
        yield _by_state("mlgov_deployments", "Deployments.", Deployment, DeploymentState.values)
        # Delivered messages only pile up, so they are not counted.
        unfinished = [MessageState.WAITING.value, MessageState.STUCK.value]
        yield _by_state("mlgov_outbox_messages", "Outbox messages.", OutboxMessage, unfinished)
        yield _seconds_since(
            "mlgov_outbox_oldest_waiting_seconds", "Age of the oldest message that waits.",
            OutboxMessage.objects.filter(state=MessageState.WAITING).aggregate(
                at=Min("created_at")
            )["at"],
        )  # fmt: skip
        workers = GaugeMetricFamily(
            "mlgov_worker_silence_seconds", "Time since a worker's sign of life.", labels=["worker"]
        )
        for beat in WorkerBeat.objects.order_by("name"):
            workers.add_metric([beat.name], (timezone.now() - beat.at).total_seconds())
        yield workers


def exposition() -> bytes:
    """Everything in Prometheus' text format. gunicorn's processes share their counts by files."""
    counted = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)
    read = CollectorRegistry()
    read.register(StateOfAffairs())
    return generate_latest(counted) + generate_latest(read)


def _by_state(name: str, text: str, model: type[Model], states: list[str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=["state"])
    counts = dict(
        model._default_manager.filter(state__in=states)
        .order_by()
        .values_list("state")
        .annotate(number=Count("pk"))
    )
    for state in states:
        family.add_metric([state], counts.get(state, 0))
    return family


def _seconds_since(name: str, text: str, moment: object) -> GaugeMetricFamily:
    age = (timezone.now() - moment).total_seconds() if moment else 0.0  # type: ignore[operator]
    return GaugeMetricFamily(name, text, value=age)
