from apps.registry.guards import Action, Guard, register
from apps.registry.models import ModelVersion, RegisteredModel
from apps.reviews.models import ReviewRequest
from apps.reviews.states import UNDECIDED


class NothingUnderReview(Guard):
    """What people are asked to read does not vanish under their eyes."""

    name = "reviews"

    def objection(
        self, action: Action, obj: RegisteredModel | ModelVersion, *, alias: str = ""
    ) -> str:
        if action == Action.DELETE_VERSION:
            found = ReviewRequest.objects.filter(version=obj.pk)
        elif action == Action.DELETE_MODEL:
            found = ReviewRequest.objects.filter(version__model=obj.pk)
        else:
            return ""
        review = found.filter(state__in=UNDECIDED).select_related("version__model", "stage").first()
        if review is None:
            return ""
        return f"{review.version} is under review for {review.stage}. Withdraw that review first."


register(NothingUnderReview())
