"""MLflow's model-versions/*: each function is one call of the client."""

from typing import Any

from apps.accounts.models import User
from apps.api.mlflow import copies, rows, searches, transitions
from apps.api.mlflow.arguments import Arguments
from apps.api.mlflow.named import stage_asked, version_asked
from apps.api.mlflow.pinning import pinned
from apps.core.errors import Conflict
from apps.registry import queries, services
from apps.registry.models import ModelVersion
from apps.stages import queries as stages
from apps.stages import services as stage_services


def create(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    version = services.create_version(
        model,
        source=pinned(arguments.text("source", required=True), user=user),
        run_id=arguments.text("run_id"),
        model_id=arguments.text("model_id"),
        run_link=arguments.text("run_link"),
        description=arguments.text("description"),
        tags=arguments.tags(),
        by=user,
    )
    return _answer(version)


def get(user: User, arguments: Arguments) -> dict[str, Any]:
    number = arguments.text("version", required=True)
    if number.isascii() and number.isdigit() and len(number) <= 9:
        name = arguments.text("name", required=True)
        found = rows.VERSION_NAMED.rows(name=name, number=int(number), asked_by=user)
        if found:
            return {"model_version": rows.versions_json(found)[0]}
    # What is not there is refused in the words of the one that looks for it step by step.
    return _answer(version_asked(user, arguments))


def update(user: User, arguments: Arguments) -> dict[str, Any]:
    version = version_asked(user, arguments)
    if arguments.has("description"):
        services.describe_version(version, description=arguments.text("description"), by=user)
    return _answer(version)


def delete(user: User, arguments: Arguments) -> dict[str, Any]:
    services.delete_version(version_asked(user, arguments), by=user)
    return {}


def search_versions(user: User, arguments: Arguments) -> dict[str, Any]:
    page, token = searches.versions(user, arguments)
    answer: dict[str, Any] = {"model_versions": rows.versions_json(page)}
    if token:
        answer["next_page_token"] = token
    return answer


def get_download_uri(user: User, arguments: Arguments) -> dict[str, Any]:
    """Where the client finds the artifacts: on its tracking server, which is mlgov again.

    What came from elsewhere is read from mlgov's own copy, wherever the client's own server is.
    """
    version = version_asked(user, arguments)
    if not version.is_ready:
        raise Conflict(
            f"{version} is not ready ({version.state}), so there is nothing to download. "
            f"{version.status_message}".strip()
        )
    if version.is_behind_the_pass_through:
        return {"artifact_uri": f"mlflow-artifacts:/{version.artifact_path}"}
    return {"artifact_uri": copies.address_of(version)}


def set_tag(user: User, arguments: Arguments) -> dict[str, Any]:
    services.set_version_tag(
        version_asked(user, arguments),
        key=arguments.text("key", required=True),
        value=arguments.text("value"),
        by=user,
    )
    return {}


def delete_tag(user: User, arguments: Arguments) -> dict[str, Any]:
    services.delete_version_tag(
        version_asked(user, arguments), key=arguments.text("key", required=True), by=user
    )
    return {}


def transition_stage(user: User, arguments: Arguments) -> dict[str, Any]:
    """Move where the stage asks for no review; else open the review, and say where it is."""
    version = version_asked(user, arguments)
    arguments.text("stage", required=True)
    arguments.flag("archive_existing_versions", required=True)
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
    return {"model_version": rows.versions_json(rows.by_keys([version.pk]))[0]}
