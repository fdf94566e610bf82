from typing import Any

from apps.cards import services
from apps.cards.events import RunReadAgain
from apps.cards.reports import services as reports
from apps.cards.search import index
from apps.outbox.subscriptions import subscribe
from apps.registry.events import ModelRenamed, VersionReady
from apps.registry.models import ModelVersion


def _has_a_run(payload: dict[str, Any]) -> bool:
    found = ModelVersion.objects.filter(pk=payload["version_id"], deleted_at=None)
    return found.exclude(source_run_id="").exists()


@subscribe(VersionReady)
def fill_in_the_card(payload: dict[str, Any]) -> None:
    services.fill_card(ModelVersion.objects.get(pk=payload["version_id"]))


@subscribe(VersionReady, slow=True, when=_has_a_run)
def copy_reports(payload: dict[str, Any]) -> None:
    reports.collect(ModelVersion.objects.get(pk=payload["version_id"]))


@subscribe(RunReadAgain, slow=True, when=_has_a_run)
def copy_reports_again(payload: dict[str, Any]) -> None:
    reports.collect(ModelVersion.objects.get(pk=payload["version_id"]))


@subscribe(ModelRenamed)
def find_by_the_new_name(payload: dict[str, Any]) -> None:
    index.put_name(payload["model_id"])
