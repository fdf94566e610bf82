"""For looking: webhooks are made and changed by those who run the project."""

from typing import Any

from django.contrib import admin

from apps.audit.admin import ReadOnlyAdmin
from apps.webhooks.models import Delivery, RegistryWebhook


@admin.register(RegistryWebhook)
class RegistryWebhookAdmin(ReadOnlyAdmin):
    fields = (
        "dialect",
        "name",
        "project",
        "model",
        "events",
        "url",
        "verify_tls",
        "status",
        "description",
        "created_by",
        "created_at",
        "updated_at",
    )
    list_display = ("__str__", "url", "status", "created_by", "created_at")
    list_filter = ("dialect", "status")
    list_select_related = ("model", "project", "created_by")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).defer("authorization", "secret")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("event", "webhook", "state", "status_code", "attempts", "created_at")
    list_filter = ("state", "event")
    list_select_related = ("webhook__model", "webhook__project")
