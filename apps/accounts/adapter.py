"""How allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.events import SecurityMailDue
from apps.core import crypto
from apps.core.middleware import client_address
from apps.outbox.services import publish

# Where a server listens on a unix socket nobody has an address, and limits hold for all together.
NO_ADDRESS = "0.0.0.0"  # nosec B104 - nothing listens there


class ClosedAccountAdapter(DefaultAccountAdapter):
    """People are invited by an administrator; nobody signs up by himself."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """As the log and the trail have it: behind a proxy, limits are not the proxy's."""
        return client_address(request) or NO_ADDRESS

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Any,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Through the outbox: a mail server that is down must not undo what happened."""
        told = {
            "timestamp": timezone.now(),
            "ip": self.get_client_ip(self.request),
            "user_agent": self.get_http_user_agent(self.request)[:200],
            **(context or {}),
        }
        mail = self.render_mail(template_prefix, user.email, told)
        with transaction.atomic():
            publish(SecurityMailDue(user.pk, str(mail.subject), str(mail.body)))


class MFAAdapter(DefaultMFAAdapter):
    """Secrets of authenticators are kept encrypted."""

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        return f"Security key {Authenticator.objects.filter(user=user, type=type).count() + 1}"

    def encrypt(self, text: str) -> str:
        return crypto.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.decrypt(encrypted_text)
