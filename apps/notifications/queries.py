"""Reads about notifications."""

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.notifications.models import Notification


def notifications_of(user: User) -> QuerySet[Notification]:
    return Notification.objects.filter(user=user).order_by("-id")


def unread_of(user: User) -> QuerySet[Notification]:
    return notifications_of(user).filter(read_at=None)
