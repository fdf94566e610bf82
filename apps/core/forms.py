"""Form fields that several apps use."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

# No table gets there, and a longer number makes a database fail instead of finding nothing.
LONGEST_KEY = 18


class ManyChoiceField(forms.ModelMultipleChoiceField):
    """Rows chosen by their keys. What is too long for a key is an unknown choice."""

    def clean(self, value: Any) -> Any:
        for key in value if isinstance(value, list | tuple) else ():
            if len(str(key)) > LONGEST_KEY:
                unknown, shown = "invalid_choice", {"value": str(key)[:LONGEST_KEY]}
                raise ValidationError(self.error_messages[unknown], unknown, shown)
        return super().clean(value)
