"""Input about one's own account."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import UserChangeForm
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.accounts.attributes import LONGEST_TEXT, problems_with_declaration, require_declared
from apps.accounts.declarations import require_fits_what_is_held, require_not_held
from apps.accounts.models import About, Attribute
from apps.core.errors import Conflict, Invalid


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


class PersonChangeForm(UserChangeForm):
    """In the admin: attributes hold what was declared."""

    def clean_attributes(self) -> dict[str, Any]:
        given = self.cleaned_data["attributes"]
        try:
            require_declared(given, about=About.PERSON, before=self.instance.attributes)
        except Invalid as refusal:
            raise ValidationError(refusal.message) from None
        return given


class AttributeForm(forms.ModelForm):
    values = forms.CharField(
        label="Allowed values",
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="One per line, the lowest first: “at least” compares the values of a choice by "
        "this order. A choice needs some; a text or a list without takes any text.",
    )

    class Meta:
        model = Attribute
        fields = ("about", "name", "description", "kind", "values", "set_by")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["values"] = "\n".join(self.instance.values)

    def clean_values(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["values"].splitlines()]
        values = list(dict.fromkeys(line for line in lines if line))
        if any(len(value) > LONGEST_TEXT for value in values):
            raise ValidationError(f"A value has at most {LONGEST_TEXT} characters.")
        return values

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given = {name: cleaned.get(name) for name in ("about", "name", "kind", "values")}
        for name, problem in problems_with_declaration(Attribute(**given)).items():
            self.add_error(name, problem)
        if self.instance.pk and not self.errors:
            self._require_nothing_lost(cleaned)
        return cleaned

    def _require_nothing_lost(self, cleaned: dict[str, Any]) -> None:
        # Locked as in the service, so that nobody sets a value meanwhile.
        before = Attribute.objects.select_for_update().get(pk=self.instance.pk)
        try:
            if (before.about, before.name) != (cleaned["about"], cleaned["name"]):
                require_not_held(before)
            elif (before.kind, before.values) != (cleaned["kind"], cleaned["values"]):
                before.kind, before.values = cleaned["kind"], cleaned["values"]
                require_fits_what_is_held(before)
        except Conflict as refusal:
            raise ValidationError(refusal.message) from None


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
