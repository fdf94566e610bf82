"""Input about sections that are not for everybody, for a project's page and for the admin."""

from typing import Any

from django import forms

from apps.access.forms import LinesField
from apps.cards import section_rules
from apps.cards.models import SectionRight, SectionRule
from apps.cards.sections import titles
from apps.core.errors import Invalid
from apps.core.pages import put_on_form
from apps.projects.models import ReviewerRole
from apps.projects.roles import Role

RIGHTS = [
    (SectionRight.READ, "May read it: nobody else sees it"),
    (SectionRight.EDIT, "May edit it: others who edit the card leave it as it is"),
    (SectionRight.RESPONSIBLE, "Theirs in a review: it comes first when they review"),
]


class SectionRuleForm(forms.Form):
    section = forms.ChoiceField()
    right = forms.ChoiceField(
        label="Those who are named", choices=RIGHTS, widget=forms.RadioSelect,
        initial=SectionRight.READ,
    )  # fmt: skip
    roles = forms.MultipleChoiceField(
        label="Roles in the project",
        choices=Role.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "in-columns"}),
    )
    capacities = forms.MultipleChoiceField(
        label="Who reviews as",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "in-columns"}),
    )
    groups = LinesField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text="Names of groups, one in a line, as sign-on or an administrator gives them.",
    )
    conditions = LinesField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "code", "spellcheck": "false"}),
        help_text="About people, as in access rules; whoever fulfils all of them is named, too: "
        'user.department is "risk"',
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        section: Any = self.fields["section"]
        section.choices = list(titles().items())
        capacities: Any = self.fields["capacities"]
        capacities.choices = ReviewerRole.objects.values_list("slug", "name")


class SectionRuleAdminForm(SectionRuleForm, forms.ModelForm):
    """Refuses what the service refuses, each sentence at its field."""

    class Meta:
        model = SectionRule
        fields = ("project", "section", "right", "roles", "capacities", "groups", "conditions")

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            section_rules.require_sound(self.instance)
        except Invalid as refusal:
            put_on_form(self, refusal)
