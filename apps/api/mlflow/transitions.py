"""What a client that asks for a stage gets where people decide: a review, and its address.

The review is opened by a service, in a transaction of its own: it stays, although the call itself
is refused.
"""

from urllib.parse import quote

from django.conf import settings
from django.urls import reverse

from apps.accounts.models import User
from apps.core.errors import AlreadyExists, Conflict, NotPermitted
from apps.registry.models import ModelVersion
from apps.reviews import queries, services
from apps.reviews.models import ReviewRequest
from apps.stages.models import Stage


def refusal(version: ModelVersion, stage: Stage, *, by: User) -> NotPermitted:
    """Open the review that a stage asks for, or find the open one, and say where it is."""
    try:
        review, is_new = _review(version, stage, by=by)
    except Conflict as conflict:
        if conflict.code != "too_few_reviewers":
            raise
        url = card_url(version)
        return NotPermitted(
            f"{conflict.message} Then ask again, or on the model card: {url}",
            code=conflict.code,
            details={"card_url": url},
        )
    url = f"{settings.MLGOV_ORIGIN}{reverse('reviews:detail', args=[review.pk])}"
    names = ", ".join(str(row.reviewer) for row in review.assignments.select_related("reviewer"))
    standing = queries.standing(review).sentence
    told = (
        f"Review {review.pk} was opened, and these were asked: {names}"
        if is_new
        else f"Review {review.pk} is open; so far: {standing.rstrip('.')}"
    )
    return NotPermitted(
        f"{version} enters {stage} when its review is approved. {told}. See {url}",
        code="review_required",
        details={"review_id": review.pk, "review_url": url, "card_url": card_url(version)},
    )


def _review(version: ModelVersion, stage: Stage, *, by: User) -> tuple[ReviewRequest, bool]:
    review = _open_one(version, stage)
    if review is not None:
        return review, False
    note = version.description.strip() or f"{by} asked for {stage} through MLflow's client."
    try:
        review = services.request_review(version, stage=stage, reviewers=None, note=note, by=by)
    except AlreadyExists:
        # Somebody else asked at the same moment.
        review = _open_one(version, stage)
        if review is None:
            raise
        return review, False
    return review, True


def _open_one(version: ModelVersion, stage: Stage) -> ReviewRequest | None:
    review = queries.undecided_review(version, stage)
    # Under one that ends because the version was archived meanwhile, nobody decides any more.
    return None if review is None or queries.archived_after(review) else review


def card_url(version: ModelVersion) -> str:
    name = quote(version.model.name, safe="")
    return f"{settings.MLGOV_BASE_URL}/models/{name}/versions/{version.number}"
