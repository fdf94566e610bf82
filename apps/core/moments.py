"""Moments as other programs count them."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """Since 1970. Exact, as PostgreSQL counts: a float would now and then be one too few."""
    return (moment - EPOCH) // MILLISECOND
