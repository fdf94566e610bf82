from django.db.models import Q

from apps.access.policies import Policy
from apps.accounts.models import User
from apps.projects.queries import projects_where
from apps.reviews.models import ReviewRequest


class ReviewPolicy(Policy[ReviewRequest]):
    model = ReviewRequest
    noun = "review"
    actions = ("view", "comment", "review", "request_review")
    verbs = {"comment": "comment on", "review": "decide on", "request_review": "change"}
    token_actions = {"withdraw": "request_review"}
    done_by = {"withdraw": "Whoever asked for it withdraws it, or an owner of the project."}
    reaches = {
        "version": "version",
        "model": "version__model",
        "project": "version__model__project",
    }

    def by_role(self, user: User, action: str) -> Q:
        allowed = Q(version__model__project__in=projects_where(user, may=action).values("pk"))
        if action == "withdraw":
            in_charge = projects_where(user, may="manage_project").values("pk")
            seen = projects_where(user, may="view").values("pk")
            # Who asked and has left the project since does not see the review any more.
            asked = Q(requested_by=user, version__model__project__in=seen)
            return asked | Q(version__model__project__in=in_charge)
        return allowed


reviews = ReviewPolicy()
