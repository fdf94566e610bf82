from typing import Any

from apps.accounts.events import AccountSwitched
from apps.cards.events import CardEdited
from apps.evaluations import queries as evaluation_queries
from apps.evaluations import services as evaluations
from apps.evaluations.models import Occasion
from apps.outbox.subscriptions import subscribe
from apps.projects.events import MembershipChanged
from apps.registry.models import ModelVersion
from apps.reviews import queries, services
from apps.reviews.events import ReviewFoundationChanged, ReviewRequested
from apps.reviews.models import ReviewRequest
from apps.stages.events import StageEntered, StagePolicyChanged


@subscribe(CardEdited)
def look_again_at_verdicts(payload: dict[str, Any]) -> None:
    services.mark_stale(ModelVersion.objects.get(pk=payload["version_id"]))


@subscribe(MembershipChanged)
def look_again_at_what_the_person_decided(payload: dict[str, Any]) -> None:
    services.announce_change(
        queries.undecided_with_a_verdict_of(payload["user_id"], project_id=payload["project_id"])
    )


@subscribe(AccountSwitched)
def look_again_at_what_the_account_decided(payload: dict[str, Any]) -> None:
    services.announce_change(queries.undecided_with_a_verdict_of(payload["user_id"]))


@subscribe(StagePolicyChanged)
def look_again_at_what_is_to_enter(payload: dict[str, Any]) -> None:
    services.announce_change(
        queries.undecided_for(payload["stage_id"], project_id=payload["project_id"])
    )


@subscribe(ReviewRequested, when=evaluation_queries.has_rules)
def evaluate_what_is_to_be_reviewed(payload: dict[str, Any]) -> None:
    review = ReviewRequest.objects.select_related("version__model__project", "stage").get(
        pk=payload["review_id"]
    )
    if review.is_undecided:
        evaluations.heed(review.version, Occasion.REVIEW, review.stage)


@subscribe(ReviewFoundationChanged)
def judge_anew(payload: dict[str, Any]) -> None:
    services.recheck(ReviewRequest.objects.get(pk=payload["review_id"]))


@subscribe(StageEntered)
def close_reviews_of_what_was_archived(payload: dict[str, Any]) -> None:
    services.close_archived(ModelVersion.objects.get(pk=payload["version_id"]))
