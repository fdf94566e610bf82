from functools import cache

from django.conf import settings
from django.http import HttpRequest

from apps.notifications.queries import unread_of
from apps.reviews.queries import waiting_for


def chrome(request: HttpRequest) -> dict[str, object]:
    """What the frame around every page shows. Counted only where a template asks."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {
        "mlgov_version": settings.MLGOV_VERSION,
        "unread_count": cache(lambda: unread_of(user).count()),
        "waiting_count": cache(lambda: waiting_for(user).count()),
    }
