"""Fields of forms that hold against what no browser sends."""

import pytest
from django import forms

from apps.core.forms import ManyChoiceField
from apps.projects.models import ReviewerRole


class RolesForm(forms.Form):
    roles = ManyChoiceField(ReviewerRole.objects.all())


@pytest.mark.parametrize("key", ["9" * 40, "9" * 5000, "-" + "9" * 40, "x", "\x00", "0"])
def test_a_key_that_nothing_has_is_an_unknown_choice(key: str, risk_role: ReviewerRole) -> None:
    form = RolesForm({"roles": [str(risk_role.pk), key]})

    assert not form.is_valid()
    assert list(form.errors) == ["roles"]


def test_rows_are_chosen_by_their_keys(risk_role: ReviewerRole) -> None:
    form = RolesForm({"roles": [str(risk_role.pk)]})

    assert form.is_valid()
    assert list(form.cleaned_data["roles"]) == [risk_role]
