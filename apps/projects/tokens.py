"""Access tokens with a default project, which accounts alone know nothing of."""

from datetime import datetime

from apps.accounts import services as accounts
from apps.accounts.models import AccessToken, User
from apps.core.errors import Invalid
from apps.projects.queries import projects_where


def create_token(
    user: User,
    *,
    name: str,
    by: User,
    expires_at: datetime | None = None,
    default_project: str = "",
) -> tuple[AccessToken, str]:
    """Make a token. What is registered with it goes to the default project, if it names one."""
    if default_project:
        allowed = projects_where(user, may="register")
        if not allowed.filter(slug=default_project).exists():
            sentence = (
                f"There is no project “{default_project}” in which {user} may register. Choose "
                "another one, or none."
            )
            raise Invalid(sentence, details={"default_project": sentence})
    return accounts.create_token(
        user, name=name, by=by, expires_at=expires_at, default_project=default_project
    )
