"""Input about reviews."""

from collections.abc import Iterable
from typing import Any

from django import forms

from apps.core.forms import ManyChoiceField
from apps.stages.models import Stage


class _People(ManyChoiceField):
    """People with what they review as, and why some cannot be chosen."""

    def __init__(self, *, capacities: dict[int, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.capacities = capacities

    def label_from_instance(self, obj: Any) -> str:
        capacity = self.capacities.get(obj.pk)
        return f"{obj} — {capacity}" if capacity else str(obj)


class RequestForm(forms.Form):
    # Chosen by a button, because the reviewers that are proposed depend on it.
    stage = forms.ModelChoiceField(Stage.objects.none(), widget=forms.HiddenInput)
    note = forms.CharField(
        label="Note",
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What is to be reviewed, and why now: the reviewers read it first.",
    )

    def __init__(
        self,
        *args: Any,
        stages: Iterable[Stage],
        reviewers: Any,
        capacities: dict[int, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        stage: Any = self.fields["stage"]
        stage.queryset = Stage.objects.filter(pk__in=[s.pk for s in stages])
        self.fields["reviewers"] = _People(
            queryset=reviewers,
            capacities=capacities,
            widget=forms.CheckboxSelectMultiple,
            error_messages={"required": "Choose who shall review."},
        )
        self.order_fields(["stage", "reviewers", "note"])


class AskForm(forms.Form):
    """More people for a review that is open."""

    def __init__(
        self, *args: Any, reviewers: Any, capacities: dict[int, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reviewers"] = _People(
            queryset=reviewers, capacities=capacities, widget=forms.CheckboxSelectMultiple
        )


class VerdictForm(forms.Form):
    """`read_digest` is what the person had before his eyes."""

    read_digest = forms.CharField(max_length=71, widget=forms.HiddenInput)
    comment = forms.CharField(
        required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )


class ChangesForm(VerdictForm):
    comment = forms.CharField(
        label="What has to change",
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class CommentForm(forms.Form):
    text = forms.CharField(
        label="Comment", max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )


class WithdrawForm(forms.Form):
    reason = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
