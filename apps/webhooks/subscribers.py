"""What happens in mlgov, as the events of which Databricks' webhooks and those of MLflow tell.

Databricks' tell little, as there: whoever may see more asks the registry for it.
"""

from datetime import datetime
from typing import Any

from apps.cards.events import VersionCommented
from apps.cards.models import VersionComment
from apps.evaluations.events import EvaluationFailed, EvaluationFinished
from apps.evaluations.models import Evaluation
from apps.outbox.subscriptions import subscribe
from apps.registry.events import (
    AliasDeleted,
    AliasSet,
    ModelRegistered,
    PromptRegistered,
    PromptTagDeleted,
    PromptTagSet,
    PromptVersionRegistered,
    VersionRegistered,
    VersionTagDeleted,
    VersionTagSet,
)
from apps.registry.models import ModelVersion, RegisteredModel
from apps.reviews.events import ReviewCommented, ReviewRequested
from apps.reviews.models import Comment, ReviewRequest
from apps.stages.events import StageEntered
from apps.stages.models import MlflowStage, Stage, StageMove
from apps.stages.queries import name_for_clients
from apps.webhooks import occasions, queries, services
from apps.webhooks.dialects import Occasion
from apps.webhooks.events import DeliveryQueued
from apps.webhooks.models import WebhookEvent

E = WebhookEvent
MOVED_TO = {
    MlflowStage.STAGING: E.MODEL_VERSION_TRANSITIONED_TO_STAGING,
    MlflowStage.PRODUCTION: E.MODEL_VERSION_TRANSITIONED_TO_PRODUCTION,
    MlflowStage.ARCHIVED: E.MODEL_VERSION_TRANSITIONED_TO_ARCHIVED,
}
ASKED_FOR = {
    MlflowStage.STAGING: E.TRANSITION_REQUEST_TO_STAGING_CREATED,
    MlflowStage.PRODUCTION: E.TRANSITION_REQUEST_TO_PRODUCTION_CREATED,
    MlflowStage.ARCHIVED: E.TRANSITION_REQUEST_TO_ARCHIVED_CREATED,
}


@subscribe(ModelRegistered, when=queries.anybody_listens)
def tell_of_the_model(payload: dict[str, Any]) -> None:
    model = _model(payload)
    services.announce(occasions.of_model(model))
    services.announce(
        Occasion(
            events=(E.REGISTERED_MODEL_CREATED,),
            model=model,
            key=f"model-{model.pk}",
            at=model.created_at,
            text=f"Registered model '{model.name}' was created by {model.created_by.username}.",
        )
    )


@subscribe(VersionRegistered, when=queries.anybody_listens)
def tell_of_the_version(payload: dict[str, Any]) -> None:
    version = _version(payload)
    services.announce(occasions.of_version(version))
    _announce(
        version,
        E.MODEL_VERSION_CREATED,
        key=f"version-{version.pk}",
        at=version.created_at,
        said=f"was created by {version.registered_by.username}.",
        facts={"run_id": version.source_run_id} if version.source_run_id else {},
    )


@subscribe(VersionTagSet, when=queries.anybody_listens)
def tell_of_the_tag(payload: dict[str, Any]) -> None:
    version = _version(payload)
    services.announce(occasions.of_version_tag(version, payload))
    if version.model.is_prompt:
        return  # Databricks' registry has none
    _announce(
        version,
        E.MODEL_VERSION_TAG_SET,
        key=f"tag-{payload['version_id']}-{payload['at']}",
        at=datetime.fromisoformat(payload["at"]),
        said=f"has the tag '{payload['key']}'.",
        facts={"tags": [{"key": payload["key"], "value": payload["value"]}]},
    )


@subscribe(VersionTagDeleted, when=queries.anybody_listens)
def tell_of_the_deleted_tag(payload: dict[str, Any]) -> None:
    services.announce(occasions.of_version_tag(_version(payload), payload))


@subscribe(AliasSet, when=queries.anybody_listens)
def tell_of_the_alias(payload: dict[str, Any]) -> None:
    services.announce(occasions.of_alias_set(_version(payload), payload))


@subscribe(AliasDeleted, when=queries.anybody_listens)
def tell_of_the_deleted_alias(payload: dict[str, Any]) -> None:
    services.announce(occasions.of_alias_deleted(_model(payload), payload))


@subscribe(PromptRegistered, when=queries.anybody_listens)
def tell_of_the_prompt(payload: dict[str, Any]) -> None:
    services.announce(occasions.of_model(_model(payload)))


@subscribe(PromptVersionRegistered, when=queries.anybody_listens)
def tell_of_the_version_of_the_prompt(payload: dict[str, Any]) -> None:
    services.announce(occasions.of_version(_version(payload)))


@subscribe(PromptTagSet, when=queries.anybody_listens)
@subscribe(PromptTagDeleted, when=queries.anybody_listens)
def tell_of_the_tag_of_the_prompt(payload: dict[str, Any]) -> None:
    services.announce(occasions.of_prompt_tag(_model(payload), payload))


@subscribe(StageEntered, when=queries.anybody_listens)
def tell_of_the_move(payload: dict[str, Any]) -> None:
    move = StageMove.objects.select_related("from_stage", "to_stage").get(pk=payload["move_id"])
    before, after = name_for_clients(move.from_stage), name_for_clients(move.to_stage)
    _announce(
        _version(payload),
        E.MODEL_VERSION_TRANSITIONED_STAGE,
        *_for_stage(MOVED_TO, move.to_stage),
        key=f"move-{move.pk}",
        at=move.at,
        said=f"transitioned from {before} to {after}.",
        facts={"from_stage": before, "to_stage": after},
    )


@subscribe(ReviewRequested, when=queries.anybody_listens)
def tell_of_the_request(payload: dict[str, Any]) -> None:
    """Also heard where more reviewers are asked: the key tells that it is the same request."""
    review = ReviewRequest.objects.select_related("stage", "requested_by").get(
        pk=payload["review_id"]
    )
    wanted = name_for_clients(review.stage)
    _announce(
        _version({"version_id": review.version_id}),
        E.TRANSITION_REQUEST_CREATED,
        *_for_stage(ASKED_FOR, review.stage),
        key=f"review-{review.pk}",
        at=review.requested_at,
        said=f"was requested for {wanted} by {review.requested_by.username}.",
        facts={"to_stage": wanted},
    )


@subscribe(VersionCommented, when=queries.anybody_listens)
def tell_of_the_comment(payload: dict[str, Any]) -> None:
    comment = VersionComment.objects.select_related("by").get(pk=payload["comment_id"])
    _announce(
        _version(payload),
        E.COMMENT_CREATED,
        key=f"comment-{comment.pk}",
        at=comment.at,
        said=f"was commented on by {comment.by.username}.",
    )


@subscribe(ReviewCommented, when=queries.anybody_listens)
def tell_of_the_comment_on_the_review(payload: dict[str, Any]) -> None:
    comment = Comment.objects.select_related("by", "review").get(pk=payload["comment_id"])
    _announce(
        _version({"version_id": comment.review.version_id}),
        E.COMMENT_CREATED,
        key=f"review-comment-{comment.pk}",
        at=comment.at,
        said=f"was commented on by {comment.by.username}.",
    )


@subscribe(EvaluationFinished, when=queries.anybody_listens)
def tell_of_the_report(payload: dict[str, Any]) -> None:
    evaluation = _evaluation(payload)
    _announce(
        evaluation.version,
        E.EVALUATION_FINISHED,
        key=f"evaluation-{evaluation.pk}",
        at=evaluation.run.finished_at or evaluation.created_at,
        said=f"was evaluated on '{evaluation.data_set}'.",
        facts={**_of_evaluation(evaluation), "report_sha256": evaluation.report_sha256},
    )


@subscribe(EvaluationFailed, when=queries.anybody_listens)
def tell_that_there_is_no_report(payload: dict[str, Any]) -> None:
    evaluation = _evaluation(payload)
    _announce(
        evaluation.version,
        E.EVALUATION_FAILED,
        key=f"evaluation-{evaluation.pk}",
        at=evaluation.run.finished_at or evaluation.created_at,
        said=f"could not be evaluated on '{evaluation.data_set}'.",
        facts={**_of_evaluation(evaluation), "error_code": evaluation.run.error_code},
    )


@subscribe(DeliveryQueued, slow=True)
def send_it(payload: dict[str, Any]) -> None:
    services.deliver(payload["delivery_id"])


def _model(payload: dict[str, Any]) -> RegisteredModel:
    return RegisteredModel.objects.select_related("created_by").get(pk=payload["model_id"])


def _version(payload: dict[str, Any]) -> ModelVersion:
    return ModelVersion.objects.select_related("model", "registered_by").get(
        pk=payload["version_id"]
    )


def _evaluation(payload: dict[str, Any]) -> Evaluation:
    return Evaluation.objects.select_related("version__model", "data_set", "run").get(
        pk=payload["evaluation_id"]
    )


def _of_evaluation(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "evaluation_id": evaluation.pk,
        "data_set": evaluation.data_set.name,
        "data_set_sha256": evaluation.data_set.sha256,
        "artifact_digest": evaluation.artifact_digest,
        "rule": evaluation.rule_name,
    }


def _announce(
    version: ModelVersion,
    *events: str,
    key: str,
    at: datetime,
    said: str,
    facts: dict[str, Any] | None = None,
) -> None:
    services.announce(
        Occasion(
            events=events,
            model=version.model,
            key=key,
            at=at,
            text=f"Registered model '{version.model.name}' version {version.number} {said}",
            facts={"version": str(version.number), **(facts or {})},
        )
    )


def _for_stage(events: dict[MlflowStage, WebhookEvent], stage: Stage) -> list[str]:
    found = events.get(MlflowStage(stage.mlflow_stage))
    return [found] if found else []
