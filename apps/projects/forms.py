"""Input about projects and their members."""

from typing import Any

from django import forms
from django.conf import settings

from apps.accounts.finding import nearest_person
from apps.accounts.models import User
from apps.core.forms import ManyChoiceField, SuggestedInput
from apps.projects.models import Project, ReviewerRole, Visibility
from apps.projects.roles import Role

ROLES_HELP = (
    "Owners run the project, maintainers deploy, data scientists register and ask for reviews, "
    "reviewers decide, viewers and auditors read."
)

VISIBILITY_HELP = (
    "Reading takes in models, cards, reviews, experiments with their data, and activity. Writing, "
    "reviewing and predicting need a role."
)


class ProjectForm(forms.Form):
    name = forms.CharField(max_length=100)
    slug = forms.CharField(
        label="Short name",
        max_length=50,
        help_text="Part of the addresses of endpoints, and never changed: small letters, digits, "
        "hyphens.",
    )
    description = forms.CharField(
        required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )
    visibility = forms.ChoiceField(
        label="Who sees it",
        choices=Visibility.choices,
        initial=Visibility.PRIVATE,
        help_text=VISIBILITY_HELP,
    )


class DescribeForm(forms.Form):
    name = forms.CharField(max_length=100)
    description = forms.CharField(
        required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )
    visibility = forms.ChoiceField(
        label="Who sees it", choices=Visibility.choices, help_text=VISIBILITY_HELP
    )
    access_review_days = forms.IntegerField(
        label="Days between reviews of access", required=False, min_value=1, max_value=3650
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        everywhere = settings.MLGOV_ACCESS_REVIEW_DAYS
        self.fields["access_review_days"].help_text = (
            f"Owners are asked after {everywhere} days everywhere. Fewer can be chosen here."
            if everywhere
            else "Nobody is asked to review access. Here owners can be, after some days."
        )


class RoleForm(forms.Form):
    """What somebody is in a project, and in which capacities he reviews."""

    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER, help_text=ROLES_HELP)
    reviewer_roles = ManyChoiceField(
        ReviewerRole.objects.all(),
        label="Reviews as",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class MemberForm(RoleForm):
    person = forms.CharField(
        label="Person",
        max_length=254,
        help_text="User name or e-mail address of somebody who has an account here.",
        widget=SuggestedInput("person"),
    )
    field_order = ["person", "role", "reviewer_roles"]

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project

    def clean_person(self) -> User:
        given = self.cleaned_data["person"].strip()
        by = {"email__iexact": given} if "@" in given else {"username": given}
        user = User.objects.filter(is_active=True, **by).first()
        if user is None:
            raise forms.ValidationError(
                "Nobody has this name or address here."
                + (nearest_person(given) or " An administrator can make the account.")
            )
        if self.project.memberships.filter(user=user).exists():
            raise forms.ValidationError(f"{user} is a member already: change the role below.")
        return user
