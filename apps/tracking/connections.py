"""Connections to tracking servers and stores: over unix sockets, and to checked addresses only."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util import connection

from apps.core.errors import Invalid

CONNECTIONS = 32
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Says why an IP address is not connected to, or nothing.
Objection = Callable[[str], str]
# Where clouds answer their machines, beside the link-local addresses.
OF_THE_CLOUD = {
    ipaddress.ip_address(text) for text in ("100.100.100.200", "168.63.129.16", "fd00:ec2::254")
}
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def objection(text: str) -> str:
    """Why mlgov does not connect to an IP address; empty where it does."""
    address = plain(ipaddress.ip_address(text.partition("%")[0]))
    if address.is_loopback:
        if settings.MLGOV_LOCAL_SOURCES:
            return ""
        return "it is on the machine of mlgov itself, and MLGOV_LOCAL_SOURCES is not set"
    if address.is_link_local or address in OF_THE_CLOUD:
        return "it is link-local, where clouds keep their machines' credentials"
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return "it is no address of a server"
    return ""


def require_nameable(url: str) -> None:
    """Raise `Invalid` where an administrator may not name an address.

    Names are not looked up here: what they stand for is checked at each connection.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise Invalid("This address cannot be read. Write it like https://host:port.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Invalid("Write the address with http:// or https:// and the name of a host.")
    if parts.username is not None or parts.query or parts.fragment or "\\" in url:
        raise Invalid(
            "Write the address without user name, password, query and fragment. Credentials are "
            "entered for each project."
        )
    if host.rstrip(".").lower() == "localhost":
        host = "127.0.0.1"
    try:
        reason = objection(host)
    except ValueError:
        reason = ""
    if reason:
        raise Invalid(f"mlgov does not connect to {host}: {reason}.")


def plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


# ---- pools --------------------------------------------------------------------------------------


class _UnixConnection(HTTPConnection):
    def __init__(self, *args: Any, socket_path: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.socket_path = socket_path

    def _new_conn(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(self.timeout if isinstance(self.timeout, int | float) else None)
            made.connect(self.socket_path)
        except OSError as error:
            made.close()
            raise NewConnectionError(self, str(error)) from error
        return made


class _UnixPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _UnixConnection


def _checked_socket(asking: HTTPConnection, objection: Objection) -> socket.socket:
    # The address that was checked is the one that is connected to: a name that stands for another
    # address a moment later leads nowhere else.
    try:
        found = socket.getaddrinfo(asking.host, asking.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NameResolutionError(asking.host, asking, socket.gaierror(str(error))) from error
    failure: OSError | None = None
    for *_, address in found:
        if reason := objection(str(address[0])):
            raise Invalid(f"mlgov does not connect to {asking.host}: {reason}.")
        try:
            return connection.create_connection(
                (str(address[0]), asking.port),
                asking.timeout,
                socket_options=asking.socket_options,
            )
        except OSError as error:
            failure = error
    raise NewConnectionError(asking, str(failure)) from failure


class _CheckedConnection(HTTPConnection):
    def __init__(self, *args: Any, objection: Objection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.objection = objection

    def _new_conn(self) -> socket.socket:
        return _checked_socket(self, self.objection)


class _CheckedTLSConnection(HTTPSConnection):
    def __init__(self, *args: Any, objection: Objection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.objection = objection

    def _new_conn(self) -> socket.socket:
        return _checked_socket(self, self.objection)


class _CheckedPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _CheckedConnection


class _CheckedTLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _CheckedTLSConnection


def pool(url: str, *, checked: bool) -> urllib3.HTTPConnectionPool:
    """`checked` for what administrators name; the operator's own settings may name any address."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return _UnixPool("localhost", socket_path=parts.path, maxsize=CONNECTIONS)
    if checked:
        return checked_pool(url, objection)
    secure = parts.scheme == "https"
    kind = urllib3.HTTPSConnectionPool if secure else urllib3.HTTPConnectionPool
    return kind(parts.hostname or "localhost", port=parts.port, maxsize=CONNECTIONS)


def checked_pool(url: str, objection: Objection, **options: Any) -> urllib3.HTTPConnectionPool:
    """Connections to addresses without an objection. `options` are those of urllib3."""
    parts = urlsplit(url)
    kind = _CheckedTLSPool if parts.scheme == "https" else _CheckedPool
    return kind(
        parts.hostname or "localhost",
        port=parts.port,
        maxsize=CONNECTIONS,
        objection=objection,
        **options,
    )
