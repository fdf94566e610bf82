"""Reads about notifications."""

from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from apps.accounts.models import User
from apps.notifications.models import Notification
from apps.projects.queries import projects_where


def notifications_of(user: User) -> QuerySet[Notification]:
    """Those of the projects that the person still sees, and those of before, which name none."""
    projects = projects_where(user, may="view").values("slug")
    named = Coalesce(KT("context__project"), Value(""), output_field=CharField())
    return (
        Notification.objects.filter(user=user)
        .alias(project=named)
        .filter(Q(project="") | Q(project__in=projects))
        .order_by("-id")
    )


def unread_of(user: User) -> QuerySet[Notification]:
    return notifications_of(user).filter(read_at=None)
