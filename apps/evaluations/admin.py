"""Data sets and evaluations to be looked at; they are made and ended on their own pages."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.core.admin import CarefulAdmin
from apps.evaluations.models import Evaluation, EvaluationDataSet


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
