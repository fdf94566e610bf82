"""MLflow's model-versions/*: each function is one call of the client."""

from typing import Any

from apps.accounts.models import User
from apps.api.mlflow import copies, rows, searches, transitions
from apps.api.mlflow.arguments import Arguments, missing
from apps.api.mlflow.named import entry_version_asked, stage_asked, version_asked
from apps.api.mlflow.pinning import pinned
from apps.core.errors import Conflict
from apps.registry import queries, services
from apps.registry.models import ModelVersion
from apps.stages import queries as stages
from apps.stages import services as stage_services


def create(user: User, arguments: Arguments) -> dict[str, Any]:
    name, source = arguments.name(), arguments.text("source", required=True)
    given: dict[str, Any] = {
        "run_id": arguments.text("run_id"),
        "model_id": arguments.text("model_id"),
        "run_link": arguments.text("run_link"),
        "description": arguments.text("description"),
        "tags": arguments.tags(),
    }
    model = queries.entry_named(name, user=user)
    source = pinned(source, user=user)
    version = services.create_version(model, source=source, by=user, **given)
    if version.copied_from_id is not None:
        return _answer(version)
    return {"model_version": rows.new_version(version, given["tags"])}


def get(user: User, arguments: Arguments) -> dict[str, Any]:
    name, number = arguments.name(), arguments.version()
    if 0 < number <= queries.LARGEST_NUMBER:
        found = rows.VERSION_NAMED.rows(name=name, number=number, asked_by=user)
        if found:
            return {"model_version": rows.Written(rows.versions_json(found)[0])}
    raise queries.no_version(name, number)


def update(user: User, arguments: Arguments) -> dict[str, Any]:
    description = arguments.text("description")
    version = entry_version_asked(user, arguments)
    # An update that says nothing changes nothing; MLflow's server empties the description.
    if arguments.has("description"):
        services.describe_version(version, description=description, by=user)
    return _answer(version)


def delete(user: User, arguments: Arguments) -> dict[str, Any]:
    services.delete_version(entry_version_asked(user, arguments), by=user)
    return {}


def search_versions(user: User, arguments: Arguments) -> dict[str, Any]:
    page, token = searches.versions(user, arguments)
    answer = rows.some("model_versions", rows.versions_json(page, with_aliases=False))
    if token:
        answer["next_page_token"] = token
    return answer


def get_download_uri(user: User, arguments: Arguments) -> dict[str, Any]:
    """Where the client finds the artifacts: on its tracking server, which is mlgov again.

    What came from elsewhere, or is there no more, is read from mlgov's own copy, wherever the
    client's own server is.
    """
    version = entry_version_asked(user, arguments)
    if version.model.is_prompt:
        return {"artifact_uri": version.source}
    if not version.is_ready:
        raise Conflict(
            f"{version} is not ready ({version.state}), so there is nothing to download. "
            f"{version.status_message}".strip()
        )
    if version.is_behind_the_pass_through and copies.is_on_the_tracking_server(version):
        return {"artifact_uri": f"mlflow-artifacts:/{version.artifact_path}"}
    return {"artifact_uri": copies.address_of(version)}


def set_tag(user: User, arguments: Arguments) -> dict[str, Any]:
    key, value = arguments.tag()
    version = entry_version_asked(user, arguments)
    services.set_version_tag(version, key=key, value=value, by=user)
    return {}


def delete_tag(user: User, arguments: Arguments) -> dict[str, Any]:
    key = arguments.key()
    services.delete_version_tag(entry_version_asked(user, arguments), key=key, by=user)
    return {}


def transition_stage(user: User, arguments: Arguments) -> dict[str, Any]:
    """Move where the stage asks for no review; else open the review, and say where it is."""
    if not arguments.text("stage", required=True).strip():
        raise missing("stage")
    arguments.flag("archive_existing_versions")
    version = version_asked(user, arguments)
    stage = stage_asked(version, arguments)
    if stages.current_stage(version) == stage:
        return _answer(version)
    if stages.policy_for(stage, version.project).needs_review:
        raise transitions.refusal(version, stage, by=user)
    # Databricks' spelling of this call has a comment, too.
    reason = arguments.text("comment").strip() or "Asked for through MLflow's client."
    stage_services.move(version, stage, by=user, reason=reason)
    return _answer(version)


def _answer(version: ModelVersion) -> dict[str, Any]:
    # Read again: a service gives back the row it changed, without what stands beside it.
    found = rows.VERSION_OF_KEY.rows(pk=version.pk)
    return {"model_version": rows.Written(rows.versions_json(found)[0])}
