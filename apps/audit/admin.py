"""The trail for reading, and the base of admin pages whose changes are recorded in it."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import models
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from simple_history.admin import SimpleHistoryAdmin

from apps.audit.models import AuditEvent
from apps.audit.services import record
from apps.core.admin import CarefulAdmin
from apps.core.forms import LONGEST_KEY, ManyChoiceField


class ReadOnlyAdmin(CarefulAdmin):
    """For looking: what people do here is done through services only."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RecordedAdmin(CarefulAdmin, SimpleHistoryAdmin):
    """Changes take effect at once, and stand in the history and in the audit trail."""

    # First part of the action, e.g. "stage" for "stage.edit".
    noun = "object"
    verbs: tuple[str, ...] = ("create", "edit", "delete")
    # Never written down, only that they changed.
    secret_fields: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.writes = {verb: f"{cls.noun}.{verb}" for verb in cls.verbs}

    def project_of(self, obj: Any) -> models.Model | None:
        return getattr(obj, "project", None)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        # Here, not in save_model: what points to other objects is only saved now.
        super().save_related(request, form, formsets, change)
        if change and not form.has_changed():
            return
        record(
            actor=request.user,
            action=f"{self.noun}.{'edit' if change else 'create'}",
            obj=form.instance,
            project=self.project_of(form.instance),
            data={"before": self._values(form, form.initial), "now": self._values(form)}
            if change
            else {"now": self._values(form)},
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        record(
            actor=request.user,
            action=f"{self.noun}.delete",
            obj=obj,
            project=self.project_of(obj),
        )
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            self.delete_model(request, obj)

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(
            db_field, request, **{"form_class": ManyChoiceField, **kwargs}
        )

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        # Groups are Django's own and have no rows to go back to.
        has_rows = hasattr(self.model._meta, "simple_history_manager_attribute")
        is_key = version_id.isascii() and version_id.isdigit() and len(version_id) <= LONGEST_KEY
        if not (has_rows and is_key):
            raise Http404("There is no such revision.")
        return super().history_form_view(request, object_id, version_id, extra_context)

    def render_history_view(
        self, request: HttpRequest, template: str, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        # The history keeps the number of a person; all names of the page in one query.
        rows = list(context.get("page_obj", ()))
        people = get_user_model()._default_manager.in_bulk(
            {row.history_user_id for row in rows if row.history_user_id}
        )
        for row in rows:
            row.changed_by = people.get(row.history_user_id)
        return super().render_history_view(request, template, context, **kwargs)

    def _values(self, form: ModelForm, source: dict[str, Any] | None = None) -> dict[str, Any]:
        values = form.cleaned_data if source is None else source
        return {
            name: "…" if name in self.secret_fields else _plain(values.get(name))
            for name in form.changed_data
        }


def _plain(value: Any) -> Any:
    """A value of a form as the trail can keep it."""
    if value is None or isinstance(value, bool | int | float | dict):
        return value
    if isinstance(value, models.Model):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        # Its order was somebody's choice.
        return value
    if isinstance(value, models.QuerySet | list | tuple | set):
        return sorted(str(item) for item in value)
    return str(value)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor_name", "action", "object_name", "via", "ip")
    list_filter = ("via",)
    search_fields = ("actor_name", "action", "object_name", "reason")
    date_hierarchy = "at"
    show_full_result_count = False
