from typing import Any

from apps.accounts.models import User
from apps.cards.events import VersionCommented
from apps.cards.models import VersionComment
from apps.deployments.events import DeploymentFailed, DeploymentServing
from apps.deployments.models import Deployment, Rollout
from apps.evaluations.events import EvaluationFailed, EvaluationFinished
from apps.evaluations.models import Evaluation
from apps.notifications import messages, services
from apps.notifications.events import NotificationCreated
from apps.outbox.subscriptions import subscribe
from apps.projects import access_reviews
from apps.projects.events import AccessReviewDue, MemberAdded
from apps.projects.models import Membership, Project
from apps.projects.queries import people_who_may
from apps.registry.events import VersionRejected
from apps.registry.models import ModelVersion
from apps.reviews import queries
from apps.reviews.events import (
    ReviewApproved,
    ReviewClosed,
    ReviewCommented,
    ReviewRequested,
    ReviewWithdrawn,
    VerdictGiven,
    VerdictsBecameStale,
)
from apps.reviews.models import Comment, ReviewRequest, Verdict
from apps.reviews.states import UNDECIDED


def _review(payload: dict[str, Any]) -> ReviewRequest:
    return ReviewRequest.objects.select_related(
        "version__model__project", "stage", "requested_by"
    ).get(pk=payload["review_id"])


def _reviewers(review: ReviewRequest) -> list[User]:
    return list(User.objects.filter(review_assignments__review=review))


@subscribe(ReviewRequested)
def tell_the_reviewers(payload: dict[str, Any]) -> None:
    review = _review(payload)
    if review.is_undecided:
        services.tell(_reviewers(review), messages.review_requested(review))


@subscribe(VerdictGiven)
def tell_of_the_verdict(payload: dict[str, Any]) -> None:
    review = _review(payload)
    verdict = Verdict.objects.select_related("by").get(pk=payload["verdict_id"])
    services.tell([review.requested_by], messages.verdict_given(review, verdict))


@subscribe(ReviewApproved)
def tell_of_the_approval(payload: dict[str, Any]) -> None:
    review = _review(payload)
    services.tell([review.requested_by], messages.review_approved(review))


@subscribe(VerdictsBecameStale)
def ask_for_another_look(payload: dict[str, Any]) -> None:
    review = _review(payload)
    people = User.objects.filter(
        verdicts__review=review, verdicts__superseded=False, verdicts__stale=True
    )
    services.tell(people, messages.verdicts_stale(review, queries.content_digest(review)))


@subscribe(ReviewCommented)
def tell_of_the_comment(payload: dict[str, Any]) -> None:
    review = _review(payload)
    comment = Comment.objects.select_related("by").get(pk=payload["comment_id"])
    people = [user for user in [review.requested_by, *_reviewers(review)] if user != comment.by]
    services.tell(people, messages.commented(review, comment))


@subscribe(ReviewWithdrawn)
def tell_of_the_withdrawal(payload: dict[str, Any]) -> None:
    review = _review(payload)
    services.tell(_reviewers(review), messages.review_withdrawn(review))


@subscribe(ReviewClosed)
def tell_that_it_was_closed(payload: dict[str, Any]) -> None:
    review = _review(payload)
    services.tell([review.requested_by, *_reviewers(review)], messages.review_closed(review))


@subscribe(VersionCommented)
def tell_of_the_comment_on_the_version(payload: dict[str, Any]) -> None:
    """Who registered it hears, who said something before, and who waits for a review of it."""
    comment = VersionComment.objects.select_related("version__model__project", "by").get(
        pk=payload["comment_id"]
    )
    if comment.deleted_at is not None:
        return
    version = comment.version
    concerned = {
        version.registered_by_id,
        *version.comments.filter(deleted_at=None).values_list("by", flat=True),
        *version.reviews.filter(state__in=UNDECIDED).values_list("requested_by", flat=True),
    } - {comment.by_id}
    services.tell(User.objects.filter(pk__in=concerned), messages.version_commented(comment))


@subscribe(VersionRejected)
def tell_of_the_failed_registration(payload: dict[str, Any]) -> None:
    version = ModelVersion.objects.select_related("model__project", "registered_by").get(
        pk=payload["version_id"]
    )
    services.tell([version.registered_by], messages.registration_failed(version))


def _deployment(payload: dict[str, Any]) -> Deployment:
    return Deployment.objects.select_related(
        "endpoint__project", "endpoint__environment", "version__model", "move__by"
    ).get(pk=payload["deployment_id"])


def _interested(deployment: Deployment) -> list[User]:
    """Who asked for the review that let the version in, and who registered it."""
    review = deployment.move.review_id
    if review is None:
        # Asked for those who requested no review, the database would name everybody else.
        return [deployment.version.registered_by]
    return [deployment.version.registered_by, *User.objects.filter(reviews_requested=review)]


@subscribe(DeploymentServing)
def tell_that_it_serves(payload: dict[str, Any]) -> None:
    deployment = _deployment(payload)
    rollout = Rollout.objects.get(pk=payload["rollout_id"])
    services.tell(_interested(deployment), messages.deployment_serving(deployment, rollout))


@subscribe(DeploymentFailed)
def tell_that_it_failed(payload: dict[str, Any]) -> None:
    deployment = _deployment(payload)
    rollout = deployment.rollouts.select_related("run").first()
    failed = [
        run
        for run in (rollout and rollout.run, deployment.build and deployment.build.run)
        if run and run.failed
    ]
    run = max(failed, key=lambda run: run.pk, default=None)
    text = f"{run.error_text} {run.error_remedy}".strip() if run else ""
    occasion = str(run.pk) if run else "0"
    services.tell(_interested(deployment), messages.deployment_failed(deployment, text, occasion))


def _evaluation(payload: dict[str, Any]) -> Evaluation:
    return Evaluation.objects.select_related(
        "version__model__project", "version__registered_by", "data_set", "run__requested_by"
    ).get(pk=payload["evaluation_id"])


def _waiting_for(evaluation: Evaluation) -> list[User]:
    """Who asked for it; where a rule did, also who registered the version."""
    asked = evaluation.run.requested_by
    people = [asked] if asked is not None else []
    return [*people, evaluation.version.registered_by] if evaluation.rule_name else people


@subscribe(EvaluationFinished)
def tell_that_the_report_is_there(payload: dict[str, Any]) -> None:
    evaluation = _evaluation(payload)
    services.tell(_waiting_for(evaluation), messages.evaluation_finished(evaluation))


@subscribe(EvaluationFailed)
def tell_that_there_is_no_report(payload: dict[str, Any]) -> None:
    evaluation = _evaluation(payload)
    services.tell(_waiting_for(evaluation), messages.evaluation_failed(evaluation))


@subscribe(MemberAdded)
def tell_the_new_member(payload: dict[str, Any]) -> None:
    membership = (
        Membership.objects.select_related("user", "project")
        .filter(pk=payload["membership_id"])
        .first()
    )
    if membership is not None and membership.user != membership.project.created_by:
        services.tell([membership.user], messages.member_added(membership))


@subscribe(AccessReviewDue)
def ask_the_owners(payload: dict[str, Any]) -> None:
    project = Project.objects.filter(pk=payload["project_id"]).first()
    if project is None:
        return
    last, overdue = access_reviews.last_of(project), access_reviews.overdue_days(project)
    if overdue is not None:
        message = messages.access_review_due(project, last=last, since=overdue)
        services.tell(people_who_may("manage_members", project), message)


@subscribe(NotificationCreated, slow=True)
def mail_it(payload: dict[str, Any]) -> None:
    services.send_mail(payload["notification_id"])
