"""API keys: made, shown once, revoked."""

import secrets
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import digest_of_secret
from apps.audit.services import record
from apps.core.errors import AlreadyExists, Invalid
from apps.deployments import policies
from apps.deployments.models import ApiKey, Endpoint

KEY_MARK = "mlgov_key_"
LONGEST_NAME = 100


@transaction.atomic
def create_api_key(
    endpoint: Endpoint, *, name: str, by: User, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which can never be read again."""
    policies.endpoints.require(by, "manage_keys", endpoint)
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        sentence = f"Give the key a name of at most {LONGEST_NAME} characters."
        raise Invalid(sentence, details={"name": sentence})
    if expires_at is not None and expires_at <= timezone.now():
        sentence = "The expiry lies in the past."
        raise Invalid(sentence, details={"expires_at": sentence})
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            key = ApiKey.objects.create(
                endpoint=endpoint,
                name=name,
                prefix=prefix,
                digest=digest_of_secret(secret),
                created_by=by,
                expires_at=expires_at,
            )
    except IntegrityError:
        raise AlreadyExists(
            f"This endpoint has a key named “{name}” already. "
            "Revoke it first, or choose another name."
        ) from None
    _record(key, "key.create", by=by)
    return key, f"{KEY_MARK}{prefix}_{secret}"


@transaction.atomic
def revoke_api_key(key: ApiKey, *, by: User) -> ApiKey:
    key = (
        ApiKey.objects.select_for_update(of=("self",), no_key=True)
        .select_related("endpoint__project")
        .get(pk=key.pk)
    )
    policies.api_keys.require(by, "manage_keys", key)
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        _record(key, "key.revoke", by=by)
    return key


def _record(key: ApiKey, action: str, *, by: User) -> None:
    expires_at = key.expires_at.isoformat() if key.expires_at else None
    record(
        actor=by,
        action=action,
        obj=key,
        also=[key.endpoint],
        project=key.endpoint.project,
        data={"endpoint": str(key.endpoint), "expires_at": expires_at},
    )
