"""Input of the pages that show several apps at once."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from apps.accounts.forms import TokenForm
from apps.core.forms import ManyChoiceField
from apps.projects.models import Project, ReviewerRole
from apps.projects.queries import projects_where
from apps.projects.tokens import ALL_ACTIONS, PRESETS
from apps.registry.models import LabelKind
from apps.registry.rules import PLURALS
from apps.stages.models import Stage
from apps.tracking.models import ArtifactStore, TrackingServer

EXAMPLE_ROWS = 12
SCOPES = [
    ("everything", "Everything that I may do"),
    ("write", "Writing: register, describe, ask for reviews, predict"),
    ("read", "Reading only"),
    ("actions", "Chosen actions"),
]


class ModelFilter(forms.Form):
    q = forms.CharField(
        label="Name",
        required=False,
        max_length=256,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Part of a model's name"}),
    )
    project = forms.ModelChoiceField(
        Project.objects.none(), required=False, empty_label="All projects", to_field_name="slug"
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        projects: Any = self.fields["project"]
        projects.queryset = projects_where(user, may="view")


class ProjectTokenForm(TokenForm):
    default_project = forms.ModelChoiceField(
        Project.objects.none(),
        required=False,
        empty_label="None",
        to_field_name="slug",
        help_text="Where a new model or experiment goes that does not say it itself.",
    )

    scope = forms.ChoiceField(
        label="Is for",
        choices=SCOPES,
        required=False,
        initial="everything",
        help_text="Never for more than you may do yourself.",
    )
    actions = forms.MultipleChoiceField(
        label="The actions",
        required=False,
        choices=[(action, action.replace("_", " ")) for action in sorted(ALL_ACTIONS)],
        widget=forms.CheckboxSelectMultiple,
        help_text="Only where it is for chosen actions.",
    )
    projects = ManyChoiceField(
        Project.objects.none(),
        label="Only in",
        required=False,
        to_field_name="slug",
        widget=forms.CheckboxSelectMultiple,
        help_text="Nothing else exists for it. Choose none, and it reaches all of your projects.",
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        default: Any = self.fields["default_project"]
        default.queryset = projects_where(user, may="register")
        projects: Any = self.fields["projects"]
        projects.queryset = projects_where(user, may="view").order_by("name")
        accounts = user.service_accounts.filter(is_active=True).order_by("username")
        if accounts.exists():
            self.fields["account"] = forms.ModelChoiceField(
                accounts,
                required=False,
                empty_label="Myself",
                to_field_name="username",
                label="Acts as",
                help_text="One of your service accounts. Its rights are its own: what it may do in "
                "a project says its membership there.",
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("actions") and cleaned.get("scope") != "actions":
            # Nobody gets a token that does more than the boxes he ticked.
            self.add_error("scope", "You chose actions: choose “Chosen actions” here, too.")
        return cleaned

    def limits(self) -> dict[str, Any]:
        """What the token is limited to, as the service takes it."""
        scope, projects = self.cleaned_data["scope"], self.cleaned_data["projects"]
        named = self.cleaned_data["actions"]
        chosen = named if scope == "actions" else PRESETS[scope or "everything"]
        return {
            "actions": chosen,
            "projects": [project.slug for project in projects] if projects else None,
        }


class PrefixForm(forms.Form):
    prefix = forms.CharField(  # type: ignore[assignment]
        label="Names begin with",
        max_length=100,
        strip=False,
        help_text="New models and experiments with such a name go to this project, and nobody "
        "else can take one.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class RuleForm(forms.Form):
    """Who sets and deletes labels that fit a pattern."""

    kind = forms.ChoiceField(label="Label", choices=LabelKind.choices)
    pattern = forms.CharField(
        max_length=250,
        help_text="* stands for any text: prod*, approved, validation.*",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    roles = forms.MultipleChoiceField(
        label="Set and deleted by",
        choices=[(role.value, role.label) for role in PLURALS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Nobody ticked: mlgov alone.",
    )
    after_promotion = forms.BooleanField(
        label="Only once the version stands in a stage that deploys",
        required=False,
        help_text="For tags of versions.",
    )


class DeploymentFilter(forms.Form):
    show = forms.ChoiceField(
        label="Show",
        required=False,
        choices=[("", "Serving or on their way"), ("all", "All, also retired ones")],
    )
    project = forms.ModelChoiceField(
        Project.objects.none(), required=False, empty_label="All projects", to_field_name="slug"
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        projects: Any = self.fields["project"]
        projects.queryset = projects_where(user, may="view")


class AuditFilter(forms.Form):
    q = forms.CharField(
        label="Text",
        required=False,
        max_length=200,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": "In a name, a reason or a request id"}
        ),
    )
    project = forms.ModelChoiceField(
        Project.objects.none(), required=False, empty_label="All projects", to_field_name="slug"
    )
    person = forms.CharField(required=False, max_length=150)
    action = forms.CharField(
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"placeholder": "e.g. review.approve"}),
    )
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        projects: Any = self.fields["project"]
        projects.queryset = projects_where(user, may="view")


class RunFilter(forms.Form):
    find = forms.CharField(
        label="Name",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Part of a run's name"}),
    )
    filter = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.TextInput(
            attrs={
                "type": "search",
                "class": "code",
                "placeholder": "metrics.auc > 0.9 AND params.depth = '7'",
            }
        ),
    )

    def clean_find(self) -> str:
        name: str = self.cleaned_data["find"]
        # MLflow's filters have no way to write both.
        if "'" in name and '"' in name:
            raise forms.ValidationError("Leave one of the two kinds of quotation marks out.")
        return name

    @property
    def expression(self) -> str:
        """Both fields as one filter in MLflow's language."""
        name, expression = self.cleaned_data["find"], self.cleaned_data["filter"]
        mark = '"' if "'" in name else "'"
        parts = [f"attributes.run_name ILIKE {mark}%{name}%{mark}"] if name else []
        return " AND ".join([*parts, expression] if expression else parts)


class MoveForm(forms.Form):
    """Into a stage that asks for no review."""

    stage = forms.ModelChoiceField(Stage.objects.none(), empty_label=None)
    reason = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, stages: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["stage"]
        field.queryset = Stage.objects.filter(pk__in=[stage.pk for stage in stages])


class TryItForm(forms.Form):
    """A prediction as the signed-in person."""

    body = forms.CharField(
        label="Request",
        max_length=1_000_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": EXAMPLE_ROWS, "class": "code", "spellcheck": "false"}),
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class ApiKeyForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="Who will call with it, e.g. “case-intake”.")
    expires_on = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Last day on which it works. Left out, it works until it is revoked.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["expires_at"] = end_of(cleaned.get("expires_on"))
        return cleaned


class OverrideForm(forms.Form):
    """What a project asks beyond a global stage."""

    approvals_required = forms.IntegerField(
        label="Approvals", required=False, min_value=0, max_value=50
    )
    extra_roles = ManyChoiceField(
        ReviewerRole.objects.all(),
        label="Roles that must approve, too",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


def end_of(day: Any) -> datetime | None:
    """The last moment of a day, as an expiry."""
    if day is None:
        return None
    return timezone.make_aware(datetime(day.year, day.month, day.day, 23, 59, 59))


def _secret(label: str) -> forms.CharField:
    # Written only: what is stored is never sent to a browser.
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        max_length=2000,
        help_text="Left empty, the stored one stays as long as nothing else here is changed.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class TrackingForm(forms.Form):
    server = forms.ModelChoiceField(
        TrackingServer.objects.all(),
        label="Tracking server",
        to_field_name="slug",
        help_text="Administrators name the servers that can be chosen.",
    )
    username = forms.CharField(
        label="User name",
        required=False,
        max_length=150,
        help_text="With its password; or leave both empty and give a token.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    password = _secret("Password")
    token = _secret("Token")


class StoreForm(forms.Form):
    store = forms.ModelChoiceField(
        ArtifactStore.objects.all(),
        to_field_name="slug",
        help_text="Administrators name the stores that can be chosen.",
    )
    access_key_id = forms.CharField(
        label="Access key id",
        required=False,
        max_length=150,
        help_text="Left empty, the store is read without credentials.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    secret_access_key = _secret("Secret access key")
