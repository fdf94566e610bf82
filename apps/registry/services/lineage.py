"""Asking the tracking server once more where a version comes from."""

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import Conflict, TooLarge
from apps.registry import lineage, policies
from apps.registry.mlmodel import TooMuch
from apps.registry.models import Lineage, ModelVersion
from apps.registry.services.locks import lock_version
from apps.tracking import upstream


def reread_lineage(version: ModelVersion, *, by: User) -> Lineage:
    """Read run and logged model anew: tags, metrics and data sets may be logged later.

    Raises `Conflict` where the run is gone, `Unavailable` where the server does not answer; what
    was read before stays with its time.
    """
    policies.versions.require(by, "edit_card", version)
    kept = Lineage.objects.filter(version=version).first()
    if kept is None:
        raise Conflict(f"{version} is not ready, so nothing was read of it yet.")
    if not version.source_run_id and not version.logged_model_id:
        raise Conflict(
            f"{version} was registered without a run, so there is nothing to read again."
        )
    client = upstream.client_of(version.tracking_server, version.project)
    try:
        found = lineage.of(version, client)
    except TooMuch as error:
        raise TooLarge(f"The run says more than mlgov keeps with a version: {error}.") from None
    gone = version.source_run_id and not found["run"] and kept.document.get("run")
    if gone:
        raise Conflict(
            f"The run {version.source_run_id} is no longer on the tracking server. What was read "
            f"on {kept.read_at:%d %B %Y} stays on the card.",
            code="run_is_gone",
        )
    return _keep(version, {**found, "environment": kept.document.get("environment") or {}})


@transaction.atomic
def _keep(version: ModelVersion, document: dict[str, object]) -> Lineage:
    lock_version(version.pk)
    kept, _ = Lineage.objects.update_or_create(
        version=version, defaults={"document": document, "read_at": timezone.now()}
    )
    return kept
