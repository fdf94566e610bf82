from typing import Any

from django.db.models import Q, QuerySet

from apps.access import rulebook
from apps.access.conditions import Wanted
from apps.access.policies import Policy
from apps.accounts.models import User
from apps.cards import sections
from apps.cards.models import VersionComment
from apps.projects.queries import projects_where


class CommentPolicy(Policy[VersionComment]):
    """Who wrote a comment changes it. Whoever runs the project may delete one as well."""

    model = VersionComment
    noun = "comment"
    token_actions = {"edit": "comment", "delete": "comment"}
    reaches = {
        "version": "version",
        "model": "version__model",
        "project": "version__model__project",
    }

    def by_role(self, user: User, action: str) -> Q:
        if action == "view":
            return self._in_projects(user, "view")
        own = Q(by=user) & self._in_projects(user, "comment")
        if action == "edit":
            return own
        if action == "delete":
            return own | self._in_projects(user, "manage_project")
        return super().by_role(user, action)

    def visible_to(
        self, user: Any, action: str = "view", wanted: Wanted = rulebook.NOTHING
    ) -> QuerySet[VersionComment]:
        """What was deleted is kept for the trail, and exists for nobody.

        What is said on a section of a card exists for those who may read the section.
        """
        return (
            super()
            .visible_to(user, action, wanted)
            .filter(~_on_hidden_sections(user), deleted_at=None, version__deleted_at=None)
        )

    def refusal(self, user: Any, action: str, obj: VersionComment) -> str:
        if action == "edit":
            return f"Only {obj.by} edits this comment. Write one of your own."
        return f"Only {obj.by} and the owners of the project delete this comment."

    def scope(self, user: Any, action: str, wanted: Wanted = rulebook.NOTHING) -> Q:
        # Words are changed by whoever said them: administrators are no exception.
        if action == "edit" and getattr(user, "is_superuser", False):
            return Q(by=user)
        return super().scope(user, action, wanted)

    def _in_projects(self, user: User, action: str) -> Q:
        return Q(version__model__project__in=projects_where(user, may=action).values("pk"))


def _on_hidden_sections(user: User) -> Q:
    in_all, by_project = sections.hidden_by_project(user)
    found = Q(pk__in=[])
    for key in in_all:
        found |= Q(pointer__startswith=f"/{key}/")
    for project, hidden in by_project.items():
        here = Q(version__model__project=project)
        for key in hidden - in_all:
            found |= here & Q(pointer__startswith=f"/{key}/")
    return found


comments = CommentPolicy()
