"""How long a session lasts: from its start, and without anything being done in it."""

import time

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

STARTED, SEEN = "mlgov_started", "mlgov_seen"
NOTE_AFTER = 60  # seconds


def is_over(session: SessionBase, *, is_activity: bool) -> bool:
    """Whether a session has to end. Where it goes on, notes the activity in it."""
    now = int(time.time())
    started, seen = session.get(STARTED), session.get(SEEN)
    if started is None or seen is None:
        session[STARTED] = session[SEEN] = now
        return False
    if now - started > settings.SESSION_COOKIE_AGE or now - seen > settings.MLGOV_SESSION_IDLE:
        return True
    if is_activity and now - seen > NOTE_AFTER:
        session[SEEN] = now
    return False
