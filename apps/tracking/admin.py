"""Where models may come from, and whose experiments are. Only administrators name addresses."""

from typing import Any

from django import forms
from django.contrib import admin

from apps.audit.admin import ReadOnlyAdmin, RecordedAdmin
from apps.core.errors import DomainError
from apps.tracking import places
from apps.tracking.connections import require_nameable
from apps.tracking.models import (
    ArtifactStore,
    Experiment,
    StoreAccess,
    TrackingAccess,
    TrackingServer,
)


class TrackingServerForm(forms.ModelForm):
    class Meta:
        model = TrackingServer
        fields = ("name", "slug", "url")

    def clean_url(self) -> str:
        url = self.cleaned_data["url"].rstrip("/")
        try:
            require_nameable(url)
        except DomainError as refusal:
            raise forms.ValidationError(refusal.message) from None
        return url


@admin.register(TrackingServer)
class TrackingServerAdmin(RecordedAdmin):
    """What it shows without credentials, owners of every project can register from."""

    noun = "tracking_server"
    form = TrackingServerForm
    list_display = ("name", "slug", "url")
    search_fields = ("name", "slug", "url")
    prepopulated_fields = {"slug": ("name",)}

    def project_of(self, obj: Any) -> None:
        return None


class ArtifactStoreForm(forms.ModelForm):
    class Meta:
        model = ArtifactStore
        fields = ("name", "slug", "root", "endpoint_url", "region")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors:
            return values
        store = ArtifactStore(**{name: values.get(name, "") for name in self.Meta.fields})
        try:
            values["root"] = places.require_nameable(store)
        except DomainError as refusal:
            raise forms.ValidationError(refusal.message) from None
        return values


@admin.register(ArtifactStore)
class ArtifactStoreAdmin(RecordedAdmin):
    noun = "artifact_store"
    form = ArtifactStoreForm
    list_display = ("name", "slug", "root", "endpoint_url", "region")
    list_display_links = ("name",)
    search_fields = ("name", "slug", "root")
    prepopulated_fields = {"slug": ("name",)}

    def project_of(self, obj: Any) -> None:
        return None


@admin.register(StoreAccess)
class StoreAccessAdmin(RecordedAdmin):
    """Lets a project in. Credentials are entered by its owners, on their own page."""

    noun = "store_access"
    verbs = ("create", "delete")
    fields = ("project", "store")
    list_display = ("project", "store", "changed_at")
    list_select_related = ("project", "store")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).defer("secret_access_key")

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(TrackingAccess)
class TrackingAccessAdmin(ReadOnlyAdmin):
    """Owners change these on the page “Sources” of their project."""

    fields = ("project", "server", "username", "changed_at")
    list_display = fields
    list_select_related = ("project", "server")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).defer("password", "token")


@admin.register(Experiment)
class ExperimentAdmin(RecordedAdmin):
    """To which project each experiment belongs. One that is not here is seen by nobody else.

    Many at once are assigned with `manage.py assign_experiments`.
    """

    noun = "experiment"
    fields = ("experiment_id", "project")
    list_display = ("experiment_id", "project", "is_default", "created_by", "created_at")
    list_filter = ("is_default",)
    list_select_related = ("project", "created_by")
    search_fields = ("experiment_id", "project__slug", "project__name")

    def get_readonly_fields(self, request: Any, obj: Any = None) -> tuple[str, ...]:
        return ("experiment_id",) if obj else ()

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        if "project" in form.changed_data:
            # What is logged without a name from now on gets a new default experiment.
            obj.is_default = False
        super().save_model(request, obj, form, change)
