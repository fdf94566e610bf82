"""Input of the pages that ask and decide who may do what."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.models import Group

from apps.access import asking, vocabulary
from apps.accounts.finding import nearest_person
from apps.accounts.models import User
from apps.core.forms import SuggestedInput
from apps.web.forms import end_of


def action_choices() -> list[tuple[str, str]]:
    asked = (action for policy in asking.kinds().values() for action in asking.actions_of(policy))
    known = dict.fromkeys([*vocabulary.ACTIONS, *asked])
    return [(action, action.replace("_", " ")) for action in known]


class WhyForm(forms.Form):
    person = forms.CharField(
        required=False,
        max_length=150,
        help_text="User name. Empty: yourself.",
        widget=SuggestedInput("person"),
    )
    action = forms.ChoiceField()
    object = forms.CharField(
        max_length=400,
        help_text="Such as project:credit, model:scoring or version:scoring/3.",
        widget=SuggestedInput("object"),
    )
    stage = forms.CharField(
        required=False,
        max_length=50,
        help_text="Short name of the stage that a version would enter.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        action: Any = self.fields["action"]
        action.choices = action_choices()

    @property
    def wanted(self) -> dict[str, str]:
        stage = self.cleaned_data["stage"]
        return {"stage": stage} if stage else {}


class WhoForm(WhyForm):
    """As why, for all people at once."""

    field_order = ("action", "object", "stage")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["person"]


class WhatForm(forms.Form):
    person = forms.CharField(
        required=False,
        max_length=150,
        help_text="User name. Empty: yourself.",
        widget=SuggestedInput("person"),
    )


class GrantForm(forms.Form):
    """Who is let do what on one object, until when, and why."""

    person = forms.CharField(
        required=False,
        max_length=254,
        help_text="User name or e-mail address of somebody who has an account here.",
        widget=SuggestedInput("person"),
    )
    group = forms.ModelChoiceField(
        Group.objects.order_by("name"),
        required=False,
        empty_label="None",
        to_field_name="name",
        help_text="Instead of one person: everybody who is in it, now or later.",
    )
    actions = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        help_text="Seeing it is always included.",
        error_messages={"required": "Choose at least one action."},
    )
    expires_on = forms.DateField(
        label="Until",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Last day on which it holds. Left out, it holds until it is taken back.",
    )
    reason = forms.CharField(
        required=False, max_length=300, help_text="For whoever reviews this one day."
    )

    def __init__(self, *args: Any, actions: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["actions"]
        field.choices = [
            (name, f"{name.replace('_', ' ')}: {vocabulary.ACTIONS.get(name, '')}")
            for name in actions
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given, group = cleaned.get("person", "").strip(), cleaned.get("group")
        if given and group:
            self.add_error("group", "Name a person or a group, not both.")
        elif given:
            cleaned["to"] = self._person(given)
        elif group:
            cleaned["to"] = group
        elif not self.errors:
            self.add_error("person", "Name a person, or choose a group.")
        cleaned["expires_at"] = end_of(cleaned.get("expires_on"))
        return cleaned

    def _person(self, given: str) -> User | None:
        by = {"email__iexact": given} if "@" in given else {"username": given}
        user = User.objects.filter(is_active=True, **by).first()
        if user is None:
            self.add_error(
                "person",
                "Nobody has this name or address here."
                + (nearest_person(given) or " An administrator can make the account."),
            )
        return user


class TakeForm(forms.Form):
    person = forms.CharField(required=False, max_length=150)
    group = forms.CharField(required=False, max_length=150)
    actions = forms.CharField(max_length=1000)

    @property
    def wanted(self) -> list[str]:
        return self.cleaned_data["actions"].split()
