"""Rules, which hold from the next version on. Data sets and evaluations are only looked at here:
they are made and ended on their own pages."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from apps.audit.admin import RecordedAdmin
from apps.core.admin import CarefulAdmin
from apps.core.errors import Invalid
from apps.evaluations import services
from apps.evaluations.models import Evaluation, EvaluationDataSet, EvaluationRule


class LookedAt(CarefulAdmin):
    """Whatever changes one is recorded, which this page would not do."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(EvaluationDataSet)
class EvaluationDataSetAdmin(LookedAt):
    list_display = ("name", "project", "format", "size", "uploaded_by", "uploaded_at")
    list_filter = ("format", "project")
    search_fields = ("name", "sha256")
    list_select_related = ("project", "uploaded_by")


@admin.register(Evaluation)
class EvaluationAdmin(LookedAt):
    list_display = ("version", "data_set", "kind", "state", "created_at")
    list_filter = ("kind", "run__state")
    search_fields = ("version__model__name", "report_sha256")
    list_select_related = ("version__model", "data_set", "run")
    exclude = ("report",)

    @admin.display(description="State")
    def state(self, evaluation: Evaluation) -> str:
        return evaluation.run.get_state_display()


class LinesField(forms.CharField):
    """A list of texts, one on each line."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = (super().to_python(value) or "").splitlines()
        return [line.strip() for line in lines if line.strip()]


class EvaluationRuleForm(forms.ModelForm):
    model_patterns = LinesField(
        label="Models",
        required=False,
        help_text="One name on each line; * stands for any text. Empty: every model.",
    )
    cohorts = LinesField(required=False, help_text="Columns to group by, one on each line.")
    sensitive = LinesField(required=False, help_text="Sensitive columns, one on each line.")

    class Meta:
        model = EvaluationRule
        fields = (
            "project",
            "name",
            "occasion",
            "stage",
            "model_patterns",
            "data_set_name",
            "kind",
            "target",
            "positive",
            "threshold",
            "prediction_column",
            "cohorts",
            "sensitive",
            "min_rows",
            "seed",
            "puts_on_card",
        )

    def clean_model_patterns(self) -> list[str]:
        try:
            return services.patterns_of(self.cleaned_data["model_patterns"])
        except Invalid as refusal:
            raise forms.ValidationError(refusal.message) from None


@admin.register(EvaluationRule)
class EvaluationRuleAdmin(RecordedAdmin):
    """Rules that are made here stand on nobody's right: they are mlgov's own."""

    noun = "evaluation_rule"
    form = EvaluationRuleForm
    list_display = ("name", "project", "occasion", "stage", "data_set_name", "puts_on_card")
    list_filter = ("occasion", ("project", admin.EmptyFieldListFilter))
    list_select_related = ("project", "stage")
    search_fields = ("name", "data_set_name")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        services.end_evaluations(obj, by=request.user)  # type: ignore[arg-type]
        super().delete_model(request, obj)
