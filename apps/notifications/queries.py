"""Reads about notifications."""

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT

from apps.accounts.models import User
from apps.notifications.models import Notification
from apps.projects.queries import projects_where


def notifications_of(user: User) -> QuerySet[Notification]:
    """Those of the projects that the person still sees."""
    projects = projects_where(user, may="view").values("slug")
    return (
        Notification.objects.filter(user=user)
        .alias(project=KT("context__project"))
        .filter(Q(project=None) | Q(project__in=projects))
        .order_by("-id")
    )


def unread_of(user: User) -> QuerySet[Notification]:
    return notifications_of(user).filter(read_at=None)
