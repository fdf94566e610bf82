"""Input of the pages that show several apps at once."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from apps.core.forms import ManyChoiceField
from apps.projects.models import Project, ReviewerRole
from apps.projects.queries import projects_where
from apps.stages.models import Stage

EXAMPLE_ROWS = 12


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
