"""Counts requests by class and by who asks, so that nobody takes the whole of mlgov for himself.

A request that is counted has to cost next to nothing. Each process therefore takes shares of what
somebody may do within a minute, one after the other, out of the cache that all of them use, and
counts within its share in memory: one write for each fiftieth of the limit, and none at all for
whoever stays below that. A share is taken by adding a row that there was not, which two processes
never both succeed in, whatever the cache is. A process has its first share for nothing, so the
limit is kept to within a fiftieth for each process.
"""

import logging
import math
import threading
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from time import time

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from apps.core.context import current
from apps.core.doors import Door, Rate
from apps.core.errors import TooManyRequests

log = logging.getLogger(__name__)
MINUTE = 60
SHARES = 50
# Only so that memory stays small while somebody invents addresses: what is forgotten counts anew.
MOST_KNOWN = 50_000
ANONYMOUS = "anonymous"


@dataclass
class _Tally:
    left: int
    share: int = 0
    is_over: bool = False


_lock = threading.Lock()
_tallies: dict[str, _Tally] = {}
_minute = 0


def count_person(request: HttpRequest, pk: int) -> None:
    """One request more of somebody who has shown who he is. Raises `TooManyRequests`."""
    rate = _rate_of(request)
    _count(rate.value, f"{current().via}:person:{pk}")


def count_key(request: HttpRequest, pk: int) -> None:
    """The same for the API key of an endpoint."""
    _count(_rate_of(request).value, f"key:{pk}")


def count_address(request: HttpRequest) -> None:
    """The same for whoever has not, or whose credential was wrong: by where he is."""
    rate = _rate_of(request)
    if rate is not Rate.NONE:
        _count(rate.value if rate is Rate.SIGN_IN else ANONYMOUS, f"address:{_network()}")


def _rate_of(request: HttpRequest) -> Rate:
    door: Door | None = getattr(request, "door", None)
    return door.rate if door is not None else Rate.READ


def _network() -> str:
    """Of the newer kind of address everybody has as many as he likes, but one network."""
    text = current().ip
    if not text or ip_address(text).version == 4:
        return text
    return str(ip_network(f"{text}/64", strict=False))


def _count(rate: str, who: str) -> None:
    global _minute
    most = settings.MLGOV_RATES.get(rate, 0)
    if not most:
        return
    now = time()
    minute = int(now // MINUTE)
    share = max(1, most // SHARES)
    key = f"rate:{rate}:{who}:{minute}"
    with _lock:
        if minute != _minute or len(_tallies) > MOST_KNOWN:
            _tallies.clear()
            _minute = minute
        tally = _tallies.setdefault(key, _Tally(share))
        if tally.left > 0:
            tally.left -= 1
            return
    if tally.is_over or not _took_a_share(key, tally, share, math.ceil(most / share)):
        tally.is_over = True
        raise TooManyRequests(rate, retry_after=math.ceil((minute + 1) * MINUTE - now))


def _took_a_share(key: str, tally: _Tally, share: int, shares: int) -> bool:
    try:
        # The first one is what each process begins with.
        for number in range(max(tally.share, 1), shares):
            is_mine = cache.add(f"{key}:{number}", 1, timeout=2 * MINUTE)
            tally.share = number + 1
            if is_mine:
                tally.left = share - 1
                return True
    except Exception as error:
        # A cache that is down or full is no reason to turn people away.
        log.warning("requests cannot be counted: %r", error)
        tally.left = share - 1
        return True
    return False
