"""Input about one's own account."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        help_text="Where it is used, e.g. “notebook” or “CI”: so that you know which to revoke.",
    )
    days = forms.ChoiceField(label="Works for")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days: Any = self.fields["days"]
        days.choices, days.initial = _terms()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["expires_at"] = _in_days(cleaned.get("days"))
        return cleaned


class ProfileForm(forms.Form):
    name = forms.CharField(
        max_length=150, required=False, help_text="As others read it in reviews and mails."
    )


def _terms() -> tuple[list[tuple[str, str]], str]:
    """For how long a token may work here, and for how long it does unless somebody chooses."""
    most, usual = settings.MLGOV_TOKEN_DAYS_MAX, settings.MLGOV_TOKEN_DAYS
    if most:
        usual = min(usual, most)
    days = sorted({30, 90, 365, usual} if not most else {30, 90, 365, usual, most})
    terms = [(str(number), f"{number} days") for number in days if not most or number <= most]
    return terms if most else [*terms, ("never", "Until it is revoked")], str(usual)


def _in_days(days: str | None) -> datetime | None:
    return timezone.now() + timedelta(days=int(days)) if days and days != "never" else None
