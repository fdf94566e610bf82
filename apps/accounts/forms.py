"""Input about one's own account."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone


class TokenForm(forms.Form):
    DAYS = [
        ("30", "30 days"),
        ("90", "90 days"),
        ("365", "A year"),
        ("never", "Until it is revoked"),
    ]

    name = forms.CharField(
        max_length=100,
        help_text="Where it is used, e.g. “notebook” or “CI”: so that you know which to revoke.",
    )
    days = forms.ChoiceField(label="Works for", choices=DAYS, initial="90")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["expires_at"] = _in_days(cleaned.get("days"))
        return cleaned


class ProfileForm(forms.Form):
    name = forms.CharField(
        max_length=150, required=False, help_text="As others read it in reviews and mails."
    )


def _in_days(days: str | None) -> datetime | None:
    return timezone.now() + timedelta(days=int(days)) if days and days != "never" else None
