"""The gate that reviews hold for stages."""

from apps.registry.models import ModelVersion
from apps.reviews import queries
from apps.reviews.models import ReviewRequest
from apps.reviews.states import ReviewState
from apps.stages.gates import Gate, GateResult, register
from apps.stages.models import Stage, StageMove
from apps.stages.queries import policy_for


class ReviewIsApproved(Gate):
    """There is an approved review of exactly this content, and it was not used before."""

    name = "review-is-approved"

    def check(self, version: ModelVersion, stage: Stage) -> GateResult:
        if not policy_for(stage, version.model.project).needs_review:
            return GateResult(self.name, True, f"{stage} asks for no review.")
        used = StageMove.objects.filter(version=version, review_id__isnull=False)
        approved = (
            ReviewRequest.objects.filter(version=version, stage=stage, state=ReviewState.APPROVED)
            .exclude(pk__in=used.values("review_id"))
            .select_related("version__model__project", "stage")
            .order_by("-id")
        )
        for review in approved:
            digest = queries.content_digest(review)
            standing = queries.standing(review)
            fresh = all(
                row.verdict.content_digest == digest
                for row in standing.rows
                if row.verdict and row.state == "approved"
            )
            if fresh and standing.is_met:
                return GateResult(self.name, True, f"Approved in review {review.pk}.")
        return GateResult(
            self.name, False, f"{stage} asks for an approved review of {version} as it is now."
        )


register(ReviewIsApproved())
