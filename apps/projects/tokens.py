"""Access tokens: their default project, and what they are limited to.

Accounts alone know nothing of projects and their actions, and keep both as plain values.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from apps.accounts import services as accounts
from apps.accounts.models import AccessToken, User
from apps.core.errors import Invalid
from apps.projects.models import Project
from apps.projects.queries import projects_where
from apps.projects.roles import ACTIONS, CONTRIBUTE, MEASURE

ALL_ACTIONS = frozenset[str]().union(*ACTIONS.values())
# Names for what is mostly wanted. What a person may not do, his token cannot either.
PRESETS: dict[str, frozenset[str] | None] = {
    "everything": None,
    "write": frozenset({"view", "comment", "predict", "retry"} | CONTRIBUTE | MEASURE),
    "read": frozenset({"view"}),
}


def create_token(
    user: User,
    *,
    name: str,
    by: User,
    expires_at: datetime | None = None,
    default_project: str = "",
    actions: Collection[str] | None = None,
    projects: Collection[str] | None = None,
) -> tuple[AccessToken, str]:
    """Make a token. What is registered with it goes to the default project, if it names one.

    It is limited to the actions, and to the projects by their short names, where they are given.
    """
    if actions is not None:
        _require_known(actions)
    keys = None if projects is None else _keys_of(projects, user)
    if default_project:
        allowed = projects_where(user, may="register")
        if not allowed.filter(slug=default_project).exists():
            sentence = (
                f"There is no project “{default_project}” in which {user} may register. Choose "
                "another one, or none."
            )
            raise Invalid(sentence, details={"default_project": sentence})
        if projects is not None and default_project not in projects:
            sentence = f"The token is not for “{default_project}”. Choose one of its projects."
            raise Invalid(sentence, details={"default_project": sentence})
    return accounts.create_token(
        user,
        name=name,
        by=by,
        expires_at=expires_at,
        default_project=default_project,
        actions=actions,
        projects=keys,
    )


def scope_of(token: AccessToken) -> str:
    """The name of what a token is limited to; `actions` for a list that has none."""
    actions = None if token.actions is None else frozenset(token.actions)
    return next((name for name, known in PRESETS.items() if known == actions), "actions")


def slugs_of(tokens: Iterable[AccessToken]) -> dict[int, str]:
    """Short names of the projects that the tokens are limited to, by key."""
    keys = {key for token in tokens for key in token.projects or []}
    return dict(Project.objects.filter(pk__in=keys).values_list("pk", "slug"))


def _require_known(actions: Collection[str]) -> None:
    if unknown := set(actions) - ALL_ACTIONS:
        sentence = (
            f"There is no action “{min(unknown)}”. Choose from {', '.join(sorted(ALL_ACTIONS))}."
        )
        raise Invalid(sentence, details={"actions": sentence})
    if not actions:
        sentence = "Choose at least one action: a token for nothing opens nothing."
        raise Invalid(sentence, details={"actions": sentence})


def _keys_of(slugs: Collection[str], user: User) -> list[int]:
    found = dict(projects_where(user, may="view").filter(slug__in=slugs).values_list("slug", "pk"))
    if unknown := sorted(set(slugs) - set(found)):
        sentence = f"There is no project “{unknown[0]}” that {user} sees. Choose another one."
        raise Invalid(sentence, details={"projects": sentence})
    if not found:
        sentence = "Choose at least one project, or leave the token unlimited."
        raise Invalid(sentence, details={"projects": sentence})
    return list(found.values())
