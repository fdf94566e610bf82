"""Form fields that several apps use."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.urls import reverse
from django.utils.http import urlencode

from apps.core import strict_json
from apps.core.errors import Invalid

# No table gets there, and a longer number makes a database fail instead of finding nothing.
LONGEST_KEY = 18


class SuggestedInput(forms.TextInput):
    """A text with suggestions of a `kind` from the address of that route, while somebody types."""

    template_name = "components/suggested_input.html"

    def __init__(self, kind: str, route: str = "access:names") -> None:
        super().__init__({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
        self.kind, self.route = kind, route

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        suggested = f"{context['widget']['attrs'].get('id', f'id_{name}')}_suggested"
        context["widget"]["attrs"] |= {
            "list": suggested,
            "hx-get": f"{reverse(self.route)}?{urlencode({'kind': self.kind, 'field': name})}",
            "hx-trigger": "input changed delay:200ms",
            "hx-target": f"#{suggested}",
            "hx-sync": "this:replace",
        }
        context["suggested"] = suggested
        return context


class ManyChoiceField(forms.ModelMultipleChoiceField):
    """Rows chosen by their keys. What is too long for a key is an unknown choice."""

    def clean(self, value: Any) -> Any:
        for key in value if isinstance(value, list | tuple) else ():
            if len(str(key)) > LONGEST_KEY:
                unknown, shown = "invalid_choice", {"value": str(key)[:LONGEST_KEY]}
                raise ValidationError(self.error_messages[unknown], unknown, shown)
        return super().clean(value)


class StrictJSONField(forms.JSONField):
    """JSON as the REST API takes it: what one of the databases cannot keep is an error here.

    Left empty, it is an empty object.
    """

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value not in self.empty_values:
            try:
                strict_json.parse(value)
            except Invalid as refusal:
                raise ValidationError(refusal.message, code="invalid") from None
        found = super().to_python(value)
        return {} if found is None else found

    def bound_data(self, data: Any, initial: Any) -> Any:
        # What was refused is shown again as it was written: read first, it may be no text at all.
        if isinstance(data, str):
            try:
                strict_json.parse(data)
            except Invalid:
                return InvalidJSONInput(data)
        return super().bound_data(data, initial)
