"""Talking to replicas: HTTP/1.1 over unix sockets and loopback ports, with kept connections."""

import os
import socket
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError, ReadTimeoutError

CONNECT_SECONDS = 2.0
MAX_ANSWER = 64 << 20
KEPT_CONNECTIONS = 16
KEPT_POOLS = 512
# sockaddr_un has 108 bytes, of which the last is zero
LONGEST_PATH = 107


class ReplicaUnreachable(Exception):
    """There was no answer. Another replica may have one."""


class ReplicaTimedOut(ReplicaUnreachable):
    """It took the request and did not answer in time. Another replica will hardly be faster."""


class AnswerTooLarge(ReplicaUnreachable):
    """The answer is larger than the gateway passes on."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class UnixConnection(HTTPConnection):
    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__("localhost", **kwargs)
        self.socket_path = path

    def _new_conn(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(CONNECT_SECONDS)
        try:
            _connect(made, self.socket_path)
        except OSError as error:
            made.close()
            raise urllib3.exceptions.NewConnectionError(
                self, f"{error.strerror or error}: {self.socket_path}"
            ) from error
        return made


class UnixPool(HTTPConnectionPool):
    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__("localhost", **kwargs)
        self.socket_path = path

    def _new_conn(self) -> Any:
        self.num_connections += 1
        return UnixConnection(self.socket_path, timeout=self.timeout.connect_timeout)


class _Pools:
    """The pools in use. A replaced replica has another address: the oldest are let go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: OrderedDict[tuple[int, str], HTTPConnectionPool] = OrderedDict()

    def of(self, address: str) -> HTTPConnectionPool:
        # A forked worker must not share its parent's connections.
        key = (os.getpid(), address)
        with self._lock:
            pool = self._pools.get(key)
            if pool is None:
                pool = self._pools[key] = _new_pool(address)
                if len(self._pools) > KEPT_POOLS:
                    self._pools.popitem(last=False)[1].close()
            self._pools.move_to_end(key)
        return pool

    def forget(self, address: str) -> None:
        with self._lock:
            pool = self._pools.pop((os.getpid(), address), None)
        if pool is not None:
            pool.close()


_pools = _Pools()


def pool_for(address: str) -> HTTPConnectionPool:
    """The connections to `unix:/path` or `http://host:port`, shared by all threads."""
    return _pools.of(address)


def forget(address: str) -> None:
    """Close what is kept open to a replica that is gone."""
    _pools.forget(address)


def request(
    address: str,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    *,
    max_answer: int = MAX_ANSWER,
) -> Answer:
    """Ask a replica. Whatever HTTP status it answers is an answer; none is `ReplicaUnreachable`.

    A request that meets a connection which the replica has just closed is sent once more: only
    for what may be asked twice, as predictions may.
    """
    pool = pool_for(address)
    limits = urllib3.Timeout(connect=min(CONNECT_SECONDS, timeout), read=timeout)
    for attempt in (1, 2):
        try:
            response = pool.request(
                method,
                path,
                body=body,
                headers=dict(headers or {}),
                timeout=limits,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            return _read(response, max_answer)
        except (ReadTimeoutError, TimeoutError) as error:
            raise ReplicaTimedOut(f"no answer within {timeout:g} seconds") from error
        except urllib3.exceptions.ConnectTimeoutError as error:
            raise ReplicaUnreachable("it does not accept connections") from error
        except urllib3.exceptions.NewConnectionError as error:
            raise ReplicaUnreachable("nothing listens there") from error
        except urllib3.exceptions.ClosedPoolError as error:
            pool = pool_for(address)
            if attempt == 2:
                raise ReplicaUnreachable("it was removed") from error
        except (HTTPError, OSError) as error:
            if attempt == 2:
                raise ReplicaUnreachable(
                    f"the connection broke ({type(error).__name__})"
                ) from error
    raise AssertionError("unreachable")


def _read(response: Any, limit: int) -> Answer:
    try:
        body = response.read(limit + 1)
        if len(body) > limit:
            raise AnswerTooLarge(f"the answer has more than {limit:,} bytes")
        headers = {name.lower(): value for name, value in response.headers.items()}
        result = Answer(response.status, headers, body)
    except BaseException:
        response.close()  # what is left unread would be taken for the next answer
        raise
    response.release_conn()
    return result


def _new_pool(address: str) -> HTTPConnectionPool:
    if address.startswith("unix:"):
        return UnixPool(address.removeprefix("unix:"), maxsize=KEPT_CONNECTIONS)
    url = urllib3.util.parse_url(address)
    if url.scheme != "http" or not url.host:
        raise ReplicaUnreachable(f"{address!r} is not the address of a replica")
    return HTTPConnectionPool(url.host, url.port or 80, maxsize=KEPT_CONNECTIONS)


def _connect(made: socket.socket, path: str) -> None:
    if len(os.fsencode(path)) <= LONGEST_PATH:
        made.connect(path)
        return
    # Longer than an address can be: named from its directory instead, which Linux allows.
    directory = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        made.connect(f"/proc/self/fd/{directory}/{Path(path).name}")
    finally:
        os.close(directory)
