"""Input about model cards, and about what is said beside them."""

from django import forms


class CardForm(forms.Form):
    description = forms.CharField(
        required=False,
        strip=False,
        help_text="Markdown. Say what the model is for, what it is not for, and what a reviewer "
        "should know.",
        widget=forms.Textarea(attrs={"rows": 18}),
    )
    reason = forms.CharField(
        label="What changed, and why", required=False, max_length=300,
        help_text="Shown in the list of revisions and in the activity.",
    )  # fmt: skip
    # The revision that the person was reading.
    base_revision = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def clean_description(self) -> str:
        # Browsers send line ends as two characters; a card that was only looked at is unchanged.
        return str(self.cleaned_data["description"]).replace("\r\n", "\n")


class CommentForm(forms.Form):
    text = forms.CharField(
        label="Comment",
        max_length=20_000,
        help_text="Markdown. For questions to those who decide, comment on the review instead.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
