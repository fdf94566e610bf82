"""Input of the pages of a project's webhooks, one form for each kind."""

from typing import Any

from django import forms

from apps.projects.models import Project
from apps.registry.models import RegisteredModel
from apps.webhooks.models import MlflowEvent, WebhookEvent, WebhookStatus
from apps.webhooks.queries import OF_ALL_MODELS_ONLY

CREDENTIALS = ("secret", "authorization")


class WebhookForm(forms.Form):
    url = forms.CharField(
        label="Address",
        max_length=2000,
        help_text="The operator names the hosts that may be told.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "https://"}
        ),
    )
    events = forms.MultipleChoiceField(label="Told when", widget=forms.CheckboxSelectMultiple)
    secret = forms.CharField(
        required=False,
        strip=False,
        max_length=4096,
        help_text="Signs what is sent. Left empty, the stored one stays as long as the address "
        "does.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    status = forms.ChoiceField(choices=WebhookStatus.choices)
    description = forms.CharField(
        required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )

    @property
    def changes(self) -> dict[str, Any]:
        """What is asked for. Credentials are never sent to a browser, so empty is unchanged."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if value or name not in CREDENTIALS
        }


class ProjectWebhookForm(WebhookForm):
    """As MLflow's client makes them."""

    name = forms.CharField(
        max_length=63,
        help_text="Letters, digits, dots, underscores and dashes.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("name", "url", "events", "secret", "status", "description")

    def __init__(self, *args: Any, project: Project, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        events: Any = self.fields["events"]
        events.choices = MlflowEvent.choices
        status: Any = self.fields["status"]
        status.choices = [
            choice for choice in WebhookStatus.choices if choice[0] != WebhookStatus.TEST_MODE
        ]


class ModelWebhookForm(WebhookForm):
    """As Databricks' client makes them."""

    model = forms.ModelChoiceField(
        RegisteredModel.objects.none(), empty_label=None, to_field_name="name"
    )
    authorization = forms.CharField(
        required=False,
        strip=False,
        max_length=4096,
        help_text="Sent as the header Authorization. Left empty, the stored one stays as long as "
        "the address does.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    verify_tls = forms.BooleanField(
        label="Verify the certificate of the host", required=False, initial=True
    )
    field_order = (
        "model",
        "url",
        "verify_tls",
        "events",
        "authorization",
        "secret",
        "status",
        "description",
    )

    def __init__(self, *args: Any, project: Project, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        events: Any = self.fields["events"]
        events.choices = [
            choice for choice in WebhookEvent.choices if choice[0] not in OF_ALL_MODELS_ONLY
        ]
        if is_new:
            models: Any = self.fields["model"]
            models.queryset = project.models.filter(deleted_at=None, is_prompt=False)
        else:
            del self.fields["model"]
