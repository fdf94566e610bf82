"""Input about data sets and evaluations."""

from typing import Any

from django import forms

from apps.evaluations.models import EvaluationDataSet, Kind, Occasion
from apps.stages.models import Stage


class DataSetForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=100, help_text="What reports will call it: “holdout 2026-Q3”."
    )
    file = forms.FileField(
        label="File",
        help_text="CSV with a header line or a JSON list of objects, in UTF-8, or Parquet; up to "
        "50 MB. It needs the model’s inputs, the true values, and whatever rows are to be grouped "
        "by.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.json,.parquet"}),
    )
    description = forms.CharField(
        label="Description",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Where the rows come from, and of which time.",
    )


class WithdrawForm(forms.Form):
    reason = forms.CharField(max_length=1000, required=False)


class EvaluationForm(forms.Form):
    """What to measure, on a data set that was chosen before."""

    kind = forms.ChoiceField(label="The model predicts", choices=Kind.choices)
    target = forms.ChoiceField(label="True values are in", help_text="The column to predict.")
    positive = forms.CharField(
        label="Positive label",
        max_length=200,
        required=False,
        help_text="For two classes: the one to be found. Empty: the second in order.",
    )
    threshold = forms.FloatField(
        label="Threshold",
        min_value=0.0,
        max_value=1.0,
        initial=0.5,
        help_text="For two classes: from which probability on a row counts as positive.",
    )
    prediction_column = forms.CharField(
        label="Column of predictions",
        max_length=200,
        required=False,
        help_text="Only where the model answers several columns: which of them is the prediction.",
    )
    cohorts = forms.MultipleChoiceField(
        label="Measure groups by",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Metrics are given for each value, and for bands of numbers.",
    )
    sensitive = forms.MultipleChoiceField(
        label="Sensitive attributes",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Rates are compared between their groups.",
    )
    min_rows = forms.IntegerField(
        label="Fewest rows of a group",
        min_value=5,
        max_value=10_000,
        initial=30,
        help_text="Smaller groups are named and get no number.",
    )
    seed = forms.IntegerField(
        label="Seed",
        min_value=0,
        max_value=2**31 - 1,
        initial=0,
        help_text="The same seed gives the same report again.",
    )

    def __init__(self, *args: Any, data_set: EvaluationDataSet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns = [(name, name) for name in data_set.columns]
        for name in ("target", "cohorts", "sensitive"):
            field: Any = self.fields[name]
            field.choices = columns


class RuleForm(EvaluationForm):
    """What a rule asks for, on a data set that was chosen before."""

    name = forms.CharField(
        label="Name",
        max_length=100,
        help_text="What evaluations will say asked for them: “holdout before staging”.",
    )
    occasion = forms.ChoiceField(label="When", choices=Occasion.choices)
    stage = forms.ModelChoiceField(
        Stage.objects.all(),
        required=False,
        empty_label="any stage",
        help_text="Of reviews: only of those for this stage.",
    )
    model_patterns = forms.CharField(
        label="Models",
        required=False,
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One name on each line; * stands for any text. Empty: every model of the "
        "project.",
    )
    puts_on_card = forms.BooleanField(
        label="Put the results on the card",
        required=False,
        help_text="As soon as there is a report. Verdicts that were given before become stale.",
    )
    on_my_right = forms.BooleanField(
        label="On my right",
        required=False,
        help_text="It ends when you may not evaluate any more. Else it is mlgov’s own work.",
    )
    field_order = ("name", "occasion", "stage", "model_patterns")

    def clean_model_patterns(self) -> list[str]:
        text: str = self.cleaned_data["model_patterns"]
        return text.splitlines()
