"""Row history with one set of choices for all governed models."""

from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords


def history(**options: Any) -> HistoricalRecords:
    """What changed in a row, when and by whom.

    The user is kept as a plain number: history outlives accounts, and an append-only table
    cannot take part in a cascade.
    """
    return HistoricalRecords(
        history_user_id_field=models.BigIntegerField(null=True),
        history_user_getter=_user_of,
        history_user_setter=_set_user,
        **options,
    )


def _user_of(historical_instance: Any, **kwargs: Any) -> Any:
    return historical_instance.history_user_id


def _set_user(historical_instance: Any, user: Any, **kwargs: Any) -> None:
    historical_instance.history_user_id = getattr(user, "pk", None)
