"""The base of all admin pages: what people write into addresses and fields may be anything."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, models
from django.http import Http404, HttpRequest, HttpResponse

from apps.core.forms import StrictJSONField

# What a lookup comes to whose value no column holds, which has too many values, or whose pattern
# is none. The drivers do not agree: SQLite overflows, PostgreSQL says "out of range".
ODD_VALUE = (OverflowError, ValueError, DatabaseError)


class CarefulChangeList(ChangeList):
    """Django checks a lookup when it is written down; whether it can be asked shows only later."""

    def get_filters(self, request: HttpRequest) -> Any:
        try:
            return super().get_filters(request)
        except OverflowError as error:  # a year that no date has
            raise IncorrectLookupParameters(error) from error

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except ODD_VALUE as error:
            if not (self.filter_params or self.query):
                raise  # nobody asked for anything: the mistake is ours
            # As Django answers every lookup that it does not understand: the list, with a note.
            raise IncorrectLookupParameters(error) from error


class CarefulAdmin(admin.ModelAdmin):
    # What administrators do here, and the audit action that comes of it; its doors say the same.
    writes: ClassVar[Mapping[str, str]] = {}
    formfield_overrides = {models.JSONField: {"form_class": StrictJSONField}}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CarefulChangeList

    def response_action(
        self, request: HttpRequest, queryset: models.QuerySet[Any], *further: Any, **named: Any
    ) -> HttpResponse | None:
        # The keys are asked for alone, so that no mistake of the action itself is taken for one.
        try:
            queryset.filter(pk__in=request.POST.getlist(ACTION_CHECKBOX_NAME)).exists()
        except (OverflowError, ValueError, DataError):
            message = "No such rows are in this list: nothing was changed. Select them again."
            self.message_user(request, message, messages.WARNING)
            return None
        return super().response_action(request, queryset, *further, **named)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        try:
            self.opts.pk.to_python(unquote(object_id))
        except ValidationError:
            raise Http404("There is no such object.") from None
        return super().history_view(request, object_id, extra_context)
