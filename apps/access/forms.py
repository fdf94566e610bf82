"""Input about access rules, for the product's pages and for the admin."""

from typing import Any

from django import forms

from apps.access import rulebook, services, vocabulary
from apps.access.conditions import MOST_CONDITIONS
from apps.access.models import Effect, Rule
from apps.core.errors import Invalid
from apps.core.pages import put_on_form

EFFECTS = [
    (Effect.ALLOW, "Allow: whoever fulfils the conditions may, whatever his role"),
    (Effect.DENY, "Deny: whoever fulfils them may not; wins over roles, grants and other rules"),
]


class LinesField(forms.CharField):
    """A list of texts, one in a line."""

    widget = forms.Textarea(attrs={"rows": 6, "class": "code", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != self.to_python(data)


class MomentField(forms.DateTimeField):
    """A date and a time of day, chosen with the browser's own means."""

    widget = forms.DateTimeInput(
        attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"
    )


class RuleForm(forms.ModelForm):
    """Refuses what the service refuses, each sentence at its field."""

    effect = forms.ChoiceField(choices=EFFECTS, widget=forms.RadioSelect, initial=Effect.DENY)
    actions = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple(attrs={"class": "in-columns"}),
        error_messages={"required": "Choose at least one action."},
    )
    conditions = LinesField(
        required=False,
        help_text="One comparison in a line; all of them have to be fulfilled.",
    )
    valid_from = MomentField(
        label="Holds from", required=False, help_text="In UTC. Empty: at once."
    )
    valid_until = MomentField(
        label="Holds until", required=False, help_text="In UTC. Empty: for good."
    )

    class Meta:
        model = Rule
        fields = (
            "name", "description", "effect", "actions", "conditions", "valid_from", "valid_until",
            "is_active",
        )  # fmt: skip
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}
        error_messages = {
            "name": {"unique": "There is a rule of this name already. Choose another name."}
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        actions: Any = self.fields["actions"]
        actions.choices = [
            (action, f"{action.replace('_', ' ')}: {told}")
            for action, told in vocabulary.ACTIONS.items()
        ]

    def clean_conditions(self) -> list[str]:
        """Every line that cannot be understood is named, not the first one alone."""
        lines: list[str] = self.cleaned_data["conditions"]
        if len(lines) > MOST_CONDITIONS:
            raise forms.ValidationError(f"A rule has at most {MOST_CONDITIONS} conditions.")
        declared, refusals = rulebook.declarations(), []
        for number, line in enumerate(lines, start=1):
            try:
                services.require_condition(line, declared, number)
            except Invalid as refusal:
                refusals.append(refusal.message)
        if refusals:
            raise forms.ValidationError(refusals)
        return lines

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            services.require_sound(self.instance)
        except Invalid as refusal:
            put_on_form(self, refusal)

    def show_only(self) -> None:
        """For those who read rules and do not write them."""
        for field in self.fields.values():
            field.disabled = True

    @property
    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.changed_data}


class RuleFilter(forms.Form):
    q = forms.CharField(
        label="Name or condition",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    effect = forms.ChoiceField(required=False, choices=[("", "Allow and deny"), *Effect.choices])
    action = forms.ChoiceField(required=False)
    state = forms.ChoiceField(
        required=False,
        choices=[("", "All"), ("on", "Switched on"), ("off", "Switched off"), ("fault", "Faulty")],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        action: Any = self.fields["action"]
        action.choices = [
            ("", "All actions"),
            *((name, name.replace("_", " ")) for name in vocabulary.ACTIONS),
        ]
