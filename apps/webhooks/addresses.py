"""Which addresses webhooks may have. The operator names the hosts; nobody else can add one."""

import ipaddress
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from apps.core.errors import Conflict, Invalid
from apps.tracking.connections import OF_THE_CLOUD, plain


def require_allowed(url: str, *, verify_tls: bool = True) -> None:
    """Raise a refusal where webhooks are not sent to this address."""
    parts = _parts(url)
    host = host_of(parts)
    if not settings.MLGOV_WEBHOOK_HOSTS:
        raise Conflict(
            "This installation sends no webhooks. An administrator lists the hosts that may be "
            "told in MLGOV_WEBHOOK_HOSTS.",
            code="no_webhook_hosts",
        )
    if is_named(host):
        return
    if not any(fnmatchcase(host, pattern) for pattern in _patterns()):
        raise Invalid(
            f"Webhooks are not sent to {host}. An administrator adds the host to "
            "MLGOV_WEBHOOK_HOSTS."
        )
    if parts.scheme != "https":
        raise Invalid(
            f"Webhooks reach {host} by https only: without encryption, MLGOV_WEBHOOK_HOSTS has to "
            "name the host in full."
        )
    if not verify_tls:
        raise Invalid(
            f"The certificate of {host} is always verified: MLGOV_WEBHOOK_HOSTS does not name the "
            "host in full."
        )


def objection_for(url: str, text: str) -> str:
    """Why mlgov does not connect to an IP address that a host has; empty where it does.

    A host that the operator named in full may stand in a private network, or on this machine.
    """
    address = plain(ipaddress.ip_address(text.partition("%")[0]))
    if address.is_link_local or address in OF_THE_CLOUD:
        return "it is link-local, where clouds keep their machines' credentials"
    if address.is_multicast or address.is_unspecified:
        return "it is no address of a server"
    if address.is_global or is_named(host_of(_parts(url))):
        return ""
    return "it is in a private network, and MLGOV_WEBHOOK_HOSTS does not name the host in full"


def host_of(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".").lower()


def is_named(host: str) -> bool:
    """Whether the operator named this very host."""
    return host in [pattern for pattern in _patterns() if not set(pattern) & set("*?[")]


def _patterns() -> list[str]:
    return [pattern.rstrip(".").lower() for pattern in settings.MLGOV_WEBHOOK_HOSTS]


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Invalid("The address of the webhook cannot be read.") from None
    if parts.scheme not in ("https", "http") or not host_of(parts):
        raise Invalid("Write the address of the webhook with https:// and the name of a host.")
    if parts.username is not None or parts.password is not None:
        raise Invalid(
            "Write the address of the webhook without user name and password: 'authorization' is "
            "for these."
        )
    if not url.isascii() or any(not " " < character < "\x7f" for character in url) or "\\" in url:
        raise Invalid("The address of the webhook holds characters that no address has.")
    return parts
