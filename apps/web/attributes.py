"""Attributes of an object as pages show them, and ask for each as its declaration says."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from apps.access.services import project_of
from apps.accounts.attributes import (
    LARGEST_NUMBER,
    LONGEST_TEXT,
    MOST_ITEMS,
    declared_for,
    may_set,
)
from apps.accounts.models import Attribute, AttributeKind, SetBy

NOT_SET = "Not set"
PREFIX = "attribute"


class AttributesForm(forms.Form):
    """`declarations` are those that the person may set; `held` is what the object has now."""

    def __init__(
        self,
        *args: Any,
        declarations: Sequence[Attribute],
        held: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        # Somebody may declare an attribute that is called as something of the form itself.
        super().__init__(*args, **{**kwargs, "prefix": PREFIX})
        self.declarations = declarations
        for attribute in declarations:
            field = _field(attribute, held.get(attribute.name))
            field.label = attribute.name
            field.help_text = attribute.description
            field.required = False
            self.fields[attribute.name] = field

    def changes(self) -> dict[str, Any]:
        """What was given, as the services take it: `None` where nothing is set."""
        given = self.cleaned_data
        return {a.name: _value(given.get(a.name), a) for a in self.declarations}


def _field(attribute: Attribute, value: Any) -> forms.Field:
    if attribute.kind == AttributeKind.BOOLEAN:
        # Three answers: nobody has said no where nothing is set.
        choices = [("", NOT_SET), ("yes", "Yes"), ("no", "No")]
        initial = {True: "yes", False: "no"}.get(value, "") if isinstance(value, bool) else ""
        return forms.ChoiceField(choices=choices, initial=initial)
    if attribute.kind == AttributeKind.NUMBER:
        return forms.FloatField(
            min_value=-LARGEST_NUMBER,
            max_value=LARGEST_NUMBER,
            initial=value,
            widget=forms.NumberInput(attrs={"step": "any"}),
        )
    if attribute.kind == AttributeKind.LIST:
        held = value if isinstance(value, list) else []
        if attribute.values:
            return forms.MultipleChoiceField(
                choices=[(text, text) for text in attribute.values],
                initial=held,
                widget=forms.CheckboxSelectMultiple,
            )
        return forms.CharField(
            initial="\n".join(held),
            max_length=MOST_ITEMS * (LONGEST_TEXT + 2),
            widget=forms.Textarea(attrs={"rows": 3, "placeholder": "One per line"}),
        )
    if attribute.values:
        choices = [("", NOT_SET), *((text, text) for text in attribute.values)]
        return forms.ChoiceField(choices=choices, initial=value or "")
    return forms.CharField(max_length=LONGEST_TEXT, initial=value)


def _value(given: Any, attribute: Attribute) -> Any:
    if given is None or given in ("", []):
        return None
    if attribute.kind == AttributeKind.BOOLEAN:
        return given == "yes"
    if attribute.kind == AttributeKind.NUMBER:
        return int(given) if float(given).is_integer() else given
    if attribute.kind == AttributeKind.LIST and isinstance(given, str):
        return list(dict.fromkeys(line.strip() for line in given.splitlines() if line.strip()))
    return given


def shown(attributes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names with their values as people read them."""
    return [(name, _as_text(value)) for name, value in sorted(attributes.items())]


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)


def panel(user: Any, obj: Any, *, about: str, manages: bool, url: str) -> dict[str, Any]:
    """What the panel of an object's own page shows. `url` leads to the form, for who may."""
    declared = declared_for(about)
    may = any(may_set(user, attribute, manages=manages) for attribute in declared)
    by_owners = any(attribute.set_by == SetBy.OWNERS for attribute in declared)
    return {
        "rows": shown(obj.attributes),
        "url": url if may else "",
        # Where whoever manages the project would set them, and this person does not.
        "asked_of": None if may or not by_owners else project_of(obj),
        "is_needed": bool(declared or obj.attributes),
    }
