"""People as others find them: by a part of the name, or by what is nearly their name."""

from django.db.models import Q, QuerySet

from apps.accounts.models import User
from apps.core.nearest import did_you_mean


def active_people() -> QuerySet[User]:
    return User.objects.filter(is_active=True).order_by("username")


def called(text: str) -> QuerySet[User]:
    """Active people whose user name or name has this in it."""
    return active_people().filter(Q(username__icontains=text) | Q(name__icontains=text))


def nearest_person(text: str) -> str:
    return did_you_mean(text, active_people(), "username")
