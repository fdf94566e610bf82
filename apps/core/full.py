"""A disk without room, whoever notices it: the file system, SQLite or PostgreSQL."""

import errno
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg.errors
from django.conf import settings
from django.db import DatabaseError

from apps.core.errors import Unavailable

log = logging.getLogger(__name__)
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SENTENCE = (
    "There is no room left on a disk of mlgov, so nothing was changed. Tell the platform's people; "
    "the same works again as soon as they have made room."
)
# SQLite calls some of its full disks a failed write, and then only the disk itself can tell.
LITTLE_ROOM = 1024 * 1024


def is_full(error: BaseException) -> bool:
    """Whether a disk without room is behind this exception, or behind one that led to it."""
    return any(_says_so(link) for link in _chain(error))


def refusal_of(error: BaseException) -> Unavailable | None:
    """What to tell the person whose request met a full disk, or None where it was not that."""
    if isinstance(error, Unavailable) or not is_full(error):
        return None
    return Unavailable(SENTENCE, code="disk_full")


@contextmanager
def not_worth_a_refusal(what: str) -> Iterator[None]:
    """Go on without a write that is only good to have, where the disk has no room for it."""
    try:
        yield
    except (DatabaseError, OSError) as error:
        if not is_full(error):
            raise
        log.warning("the disk is full: %s was not noted", what)


def _chain(error: BaseException) -> Iterator[BaseException]:
    # A failed rollback hides what it should have undone, so what came before counts as well.
    seen: set[int] = set()
    left = [error]
    while left:
        link = left.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        left += [before for before in (link.__cause__, link.__context__) if before is not None]


def _says_so(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    if isinstance(error, psycopg.errors.DiskFull):
        return True
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")):
            return _has_little_room()
        return name == "SQLITE_FULL"
    return False


def _has_little_room() -> bool:
    try:
        return shutil.disk_usage(settings.MLGOV_DATA_DIR).free < LITTLE_ROOM
    except OSError:
        return False
