"""How long a session lasts: from its start, and without anything being done in it."""

import time

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError

from apps.core import full

STARTED, SEEN = "mlgov_started", "mlgov_seen"
NOTE_AFTER = 60  # seconds


def is_over(session: SessionBase, *, is_activity: bool) -> bool:
    """Whether a session has to end, or was ended meanwhile. Notes the activity in it."""
    now = int(time.time())
    started, seen = session.get(STARTED), session.get(SEEN)
    if started is None or seen is None:
        return not _noted(session, {STARTED: now, SEEN: now})
    if now - started > settings.SESSION_COOKIE_AGE or now - seen > settings.MLGOV_SESSION_IDLE:
        return True
    if is_activity and now - seen > NOTE_AFTER:
        return not _noted(session, {SEEN: now})
    return False


def _noted(session: SessionBase, values: dict[str, int]) -> bool:
    """Keep this with the session. False where the session was ended meanwhile.

    At once, and not with the answer: who only reads has to be answered by a full disk, too.
    """
    session.update(values)
    try:
        session.save()
    except UpdateError as error:
        # Django says so of a full disk as well.
        if not full.is_full(error):
            return False
    session.modified = False
    return True
