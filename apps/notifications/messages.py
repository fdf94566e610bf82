"""What is said on which occasion. One function for each, so that the wording stands together."""

from urllib.parse import quote

from django.utils import formats

from apps.access.models import AccessReview
from apps.cards.models import VersionComment
from apps.deployments.models import Deployment, Rollout
from apps.evaluations.models import Evaluation
from apps.notifications.services import Message
from apps.projects.models import Membership, Project
from apps.registry.models import ModelVersion
from apps.reviews import queries
from apps.reviews.models import Comment, ReviewRequest, Verdict
from apps.reviews.states import ReviewState, VerdictKind

# Days after which somebody is told again of what he has not done.
REMINDED_EVERY = 14


def card_path(version: ModelVersion) -> str:
    return f"/models/{quote(version.model.name, safe='')}/versions/{version.number}"


def _headline(review: ReviewRequest) -> str:
    return f"{review.version} for {review.stage}"


def _facts(review: ReviewRequest) -> tuple[tuple[str, str], ...]:
    policy = queries.policy_of(review)
    asked = f"{policy.approvals_needed} approval{'s' if policy.approvals_needed != 1 else ''}"
    if policy.roles:
        asked += f", among them: {', '.join(role.name for role in policy.roles)}"
    return (
        ("Project", review.project.name),
        ("Model", review.version.model.name),
        ("Version", str(review.version.number)),
        ("Target stage", review.stage.name),
        ("Asked by", str(review.requested_by)),
        ("Asked at", formats.date_format(review.requested_at, "j M Y H:i") + " UTC"),
        ("The stage wants", asked),
        ("Artifacts", review.version.artifact_digest),
    )


def review_requested(review: ReviewRequest) -> Message:
    return Message(
        key=f"review-{review.pk}-requested",
        kind="review.request",
        about=review,
        project=review.project.slug,
        subject=f"{_headline(review)}: please review",
        sentence=(
            f"{review.requested_by} asks you to review {review.version} for {review.stage}. "
            "Read the model card, then approve it or say what has to change."
        ),
        quote=review.note,
        path=card_path(review.version),
        facts=_facts(review),
        thread=f"review-{review.pk}",
    )


def verdict_given(review: ReviewRequest, verdict: Verdict) -> Message:
    approved = verdict.kind == VerdictKind.APPROVE
    standing = queries.standing(review)
    sentence = (
        f"{verdict.by} {'approved' if approved else 'asks for changes to'} {review.version} "
        f"for {review.stage}. {standing.sentence}"
    )
    return Message(
        key=f"verdict-{verdict.pk}",
        kind="review.verdict",
        about=review,
        project=review.project.slug,
        subject=f"{_headline(review)}: {'approved' if approved else 'changes requested'} "
        f"by {verdict.by}",
        sentence=sentence,
        quote=verdict.comment,
        path=card_path(review.version),
        facts=_facts(review),
        thread=f"review-{review.pk}",
        # The last approval is told by `review_approved`.
        by_mail=not (review.state == ReviewState.APPROVED and verdict == review.verdicts.last()),
    )


def review_approved(review: ReviewRequest) -> Message:
    then = " It is being built and deployed." if review.stage.environment_id else ""
    return Message(
        key=f"review-{review.pk}-approved",
        kind="review.approved",
        about=review,
        project=review.project.slug,
        subject=f"{_headline(review)}: approved",
        sentence=f"{review.version} is approved and has moved to {review.stage}.{then}",
        path=card_path(review.version),
        facts=_facts(review),
        thread=f"review-{review.pk}",
    )


def verdicts_stale(review: ReviewRequest, digest: str) -> Message:
    return Message(
        key=f"review-{review.pk}-stale-{digest[-16:]}",
        kind="review.stale",
        about=review,
        project=review.project.slug,
        subject=f"{_headline(review)}: the card changed, please look again",
        sentence=(
            f"The model card of {review.version} was edited after you decided, so your verdict "
            "does not count any more. Look at what is new and decide again."
        ),
        path=card_path(review.version),
        facts=_facts(review),
        thread=f"review-{review.pk}",
    )


def commented(review: ReviewRequest, comment: Comment) -> Message:
    return Message(
        key=f"comment-{comment.pk}",
        kind="review.comment",
        about=review,
        project=review.project.slug,
        subject=f"{_headline(review)}: comment by {comment.by}",
        sentence=f"{comment.by} commented on the review of {review.version} for {review.stage}.",
        quote=comment.text,
        path=card_path(review.version),
        thread=f"review-{review.pk}",
    )


def version_commented(comment: VersionComment) -> Message:
    version = comment.version
    return Message(
        key=f"version-comment-{comment.pk}",
        kind="version.comment",
        # Of the version and of the section that it is on: whoever may read neither is not told.
        about=comment,
        project=version.model.project.slug,
        subject=f"{version}: comment by {comment.by}",
        sentence=f"{comment.by} commented on {version}.",
        quote=comment.text,
        path=f"{card_path(version)}#discussion",
        by_mail=False,
    )


def review_withdrawn(review: ReviewRequest) -> Message:
    return Message(
        key=f"review-{review.pk}-withdrawn",
        kind="review.withdrawn",
        about=review,
        project=review.project.slug,
        subject=f"{_headline(review)}: withdrawn",
        sentence=f"The review of {review.version} for {review.stage} was withdrawn. "
        "Nothing is asked of you any more.",
        path=card_path(review.version),
        thread=f"review-{review.pk}",
        by_mail=False,
    )


def review_closed(review: ReviewRequest) -> Message:
    return Message(
        key=f"review-{review.pk}-closed",
        kind="review.closed",
        about=review,
        project=review.project.slug,
        subject=f"{_headline(review)}: closed",
        sentence=f"The review of {review.version} for {review.stage} was closed. "
        f"{review.closing_reason} Nothing is asked of its reviewers any more; a new review can be "
        "requested on the model card.",
        path=card_path(review.version),
        thread=f"review-{review.pk}",
        by_mail=False,
    )


def registration_failed(version: ModelVersion) -> Message:
    return Message(
        key=f"version-{version.pk}-failed-{version.ingests.count()}",
        kind="version.failed",
        about=version,
        project=version.model.project.slug,
        subject=f"{version}: registration failed",
        sentence=f"{version} could not be registered. {version.status_message}",
        path=card_path(version),
    )


def deployment_serving(deployment: Deployment, rollout: Rollout) -> Message:
    return Message(
        key=f"rollout-{rollout.pk}-serving",
        kind="deployment.serving",
        about=deployment,
        project=deployment.endpoint.project.slug,
        subject=f"{deployment.version} serves in {deployment.endpoint.environment}",
        sentence=f"{deployment.version} answers predictions at {deployment.endpoint.path}.",
        path=f"/deployments/{deployment.pk}",
        action="Open the deployment",
    )


def deployment_failed(deployment: Deployment, text: str, occasion: str) -> Message:
    return Message(
        key=f"deployment-{deployment.pk}-failed-{occasion}",
        kind="deployment.failed",
        about=deployment,
        project=deployment.endpoint.project.slug,
        subject=f"{deployment.version} could not be deployed to {deployment.endpoint.environment}",
        sentence=f"{deployment.version} is approved, but could not be deployed to "
        f"{deployment.endpoint.environment}. What served before still serves. {text}",
        path=f"/deployments/{deployment.pk}",
        action="Open the deployment",
    )


def access_review_due(project: Project, *, last: AccessReview | None, since: int) -> Message:
    """`since` says how many days it has been due: after two weeks people are reminded again."""
    when = f"last on {formats.date_format(last.signed_at, 'j M Y')}" if last else "never yet"
    return Message(
        key=f"access-review-{project.pk}-{last.pk if last else 0}-{since // REMINDED_EVERY}",
        kind="project.access_review",
        about=project,
        project=project.slug,
        subject=f"Review who has access to {project.name}",
        sentence=(
            f"Who has access to {project.name} was reviewed {when}. Look through the list, take "
            "away what nobody needs, and sign it."
        ),
        path=f"/projects/{project.slug}/access",
        action="Review the access",
    )


def _of_evaluation(evaluation: Evaluation, outcome: str, *, subject: str, sentence: str) -> Message:
    if evaluation.rule_name:
        sentence += f" The rule “{evaluation.rule_name}” asked for it."
    return Message(
        key=f"evaluation-{evaluation.pk}-{outcome}",
        kind=f"evaluation.{outcome}",
        about=evaluation,
        project=evaluation.version.model.project.slug,
        subject=subject,
        sentence=sentence,
        path=f"/evaluations/{evaluation.pk}",
        action="Open the evaluation",
    )


def evaluation_finished(evaluation: Evaluation) -> Message:
    version, data_set = evaluation.version, evaluation.data_set
    kept = f" Its results are not on the card: {evaluation.card_refusal}"
    return _of_evaluation(
        evaluation,
        "finished",
        subject=f"{version} is evaluated on {data_set}",
        sentence=f"The report of {version} on “{data_set}” is there."
        f"{kept if evaluation.card_refusal else ''}",
    )


def evaluation_failed(evaluation: Evaluation) -> Message:
    version, data_set, run = evaluation.version, evaluation.data_set, evaluation.run
    return _of_evaluation(
        evaluation,
        "failed",
        subject=f"{version} could not be evaluated on {data_set}",
        sentence=f"There is no report of {version} on “{data_set}”. "
        f"{run.error_text} {run.error_remedy}".strip(),
    )


def member_added(membership: Membership) -> Message:
    project = membership.project
    return Message(
        key=f"membership-{membership.pk}",
        kind="project.member",
        about=project,
        project=project.slug,
        subject=f"You are a member of {project.name}",
        sentence=f"You were added to the project {project.name}.",
        path=f"/projects/{project.slug}",
        action="Open the project",
        by_mail=False,
    )
