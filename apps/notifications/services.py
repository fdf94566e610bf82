"""Telling people: a row in the application and, where it asks something of them, a mail."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import models, transaction
from django.template.loader import render_to_string
from django.utils import timezone

from apps.accounts.models import User
from apps.notifications import audience
from apps.notifications.events import NotificationCreated
from apps.notifications.models import Notification
from apps.outbox.services import publish


@dataclass(frozen=True)
class Message:
    """What is told, to people who see the object that it is `about`.

    `thread` joins the mails of one review into a conversation.
    The short name of the `project` stands before the subject of a mail: people sort by it.
    """

    key: str
    kind: str
    about: models.Model
    project: str
    subject: str
    sentence: str
    path: str
    action: str = "Open the model card"
    quote: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    thread: str = ""
    by_mail: bool = True
    extra: dict[str, str] = field(default_factory=dict)


@transaction.atomic
def tell(people: Iterable[User], message: Message) -> list[Notification]:
    """Tell each person who may see it, once; again under the same key changes nothing."""
    told = []
    about = audience.name_of(message.about)
    for user in {user.pk: user for user in people}.values():
        if user.is_service_account:
            continue
        if not audience.may_see(user, about, project=message.project):
            continue
        notification, is_new = Notification.objects.get_or_create(
            user=user,
            key=message.key,
            defaults={
                "kind": message.kind,
                "subject": message.subject[:300],
                "text": message.sentence,
                "path": message.path,
                "by_mail": message.by_mail,
                "context": {
                    "about": about,
                    "project": message.project,
                    "action": message.action,
                    "quote": message.quote,
                    "facts": [list(fact) for fact in message.facts],
                    "thread": message.thread,
                },
            },
        )
        if is_new:
            told.append(notification)
            publish(NotificationCreated(notification.pk))
    return told


def send_mail(notification_id: int) -> bool:
    """Send the mail of a notification. Raises where the mail server does not take it.

    Who may not see any more what it is about, gets none.
    """
    notification = Notification.objects.select_related("user").get(pk=notification_id)
    user = notification.user
    if not notification.by_mail or notification.mailed_at or not user.email:
        return False
    about, project = (notification.context.get(key) for key in ("about", "project"))
    if not audience.may_see(user, about, project=project or ""):
        return False
    context = {
        **notification.context,
        "subject": _subject_of(notification),
        "sentence": notification.text,
        "user": user,
        "base_url": settings.MLGOV_BASE_URL,
        "url": f"{settings.MLGOV_BASE_URL}{notification.path}",
    }
    host = urlsplit(settings.MLGOV_BASE_URL).hostname or "mlgov"
    headers = {
        # The same for each attempt, so that a mail that was sent twice shows once.
        "Message-ID": f"<notification-{notification.pk}@{host}>",
        "Auto-Submitted": "auto-generated",
    }
    if thread := notification.context.get("thread"):
        headers["References"] = headers["In-Reply-To"] = f"<{thread}@{host}>"
    mail = EmailMultiAlternatives(
        subject=context["subject"],
        body=render_to_string("mail/message.txt", context),
        to=[user.email],
        headers=headers,
    )
    mail.attach_alternative(render_to_string("mail/message.html", context), "text/html")
    mail.send()
    Notification.objects.filter(pk=notification.pk).update(mailed_at=timezone.now())
    return True


def _subject_of(notification: Notification) -> str:
    # Notifications of before have no project, and the prefix is in their subject.
    project = notification.context.get("project")
    return f"[{project}] {notification.subject}" if project else notification.subject


def mark_read(user: User, *, notification: Notification | None = None) -> int:
    """Mark one notification of the person as read, or all. Returns how many were unread."""
    unread = Notification.objects.filter(user=user, read_at=None)
    if notification is not None:
        unread = unread.filter(pk=notification.pk)
    return unread.update(read_at=timezone.now())
