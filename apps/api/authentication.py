"""Access tokens for programs: as a bearer, or as the password of HTTP Basic."""

import base64
import binascii
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from apps.accounts.models import User
from apps.accounts.resting import TokenRests
from apps.accounts.services import usable_token
from apps.core.context import note_token


def token_of(header: str) -> str | None:
    """The token in an Authorization header, None where there is no such header."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return None


class AccessTokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Any) -> tuple[User, None] | None:
        text = token_of(request.headers.get("Authorization", ""))
        if text is None:
            return None
        try:
            token = usable_token(text)
        except TokenRests as refusal:
            raise AuthenticationFailed(refusal.message) from None
        if token is None:
            raise AuthenticationFailed(
                "This token is wrong, expired or revoked. Make a new one on your tokens page."
            )
        note_token(str(token), token.user.limits)
        return token.user, None

    def authenticate_header(self, request: Any) -> str:
        return 'Bearer realm="mlgov"'
