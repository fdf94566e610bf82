"""Encryption of credentials that mlgov has to use again, such as a registry password."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from apps.core.errors import Unavailable


def _fernet() -> Fernet:
    key = hashlib.sha256(b"mlgov credentials:" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def encrypt(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Raises `Unavailable` where the secret key is another one than the text was stored under."""
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken:
        raise Unavailable(
            "A stored credential cannot be read: the secret key has changed. "
            "Enter the credential again, or start with the earlier key."
        ) from None
