"""Stages and environments. A change holds from the next request on; open reviews keep the policy
they were opened under."""

from importlib.metadata import entry_points
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.audit.admin import ReadOnlyAdmin, RecordedAdmin
from apps.stages.models import Environment, Stage, StageOverride


class EnvironmentForm(forms.ModelForm):
    # Written only: what is stored is never sent to a browser.
    new_registry_password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Left empty, the stored one stays.",
    )
    forget_registry_password = forms.BooleanField(
        required=False, help_text="The registry is used without a password from now on."
    )

    class Meta:
        model = Environment
        fields = (
            "name", "slug", "order", "description", "target", "builder", "options", "replicas",
            "cpu", "memory_mb", "registry", "registry_username",
        )  # fmt: skip

    def clean_target(self) -> str:
        return _plugin(self.cleaned_data["target"], "mlgov.targets")

    def clean_builder(self) -> str:
        return _plugin(self.cleaned_data["builder"], "mlgov.builders")

    def clean_options(self) -> dict[str, Any]:
        options = self.cleaned_data["options"] or {}
        if not isinstance(options, dict):
            raise forms.ValidationError("Write a JSON object, e.g. {}.")
        return options


@admin.register(Environment)
class EnvironmentAdmin(RecordedAdmin):
    noun = "environment"
    form = EnvironmentForm
    secret_fields = ("new_registry_password",)
    list_display = ("name", "slug", "order", "target", "builder", "replicas", "cpu", "memory_mb")
    list_display_links = ("name",)
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "slug", "order", "description")}),
        ("Where it runs", {"fields": ("target", "builder", "options")}),
        ("Size of each deployment", {"fields": ("replicas", "cpu", "memory_mb")}),
        (
            "Container registry",
            {
                "fields": (
                    "registry",
                    "registry_username",
                    "new_registry_password",
                    "forget_registry_password",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Environment]:
        return super().get_queryset(request).defer("registry_password")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if form.cleaned_data["forget_registry_password"]:
            obj.registry_password = ""
        elif password := form.cleaned_data["new_registry_password"]:
            obj.registry_password = password
        super().save_model(request, obj, form, change)

    def project_of(self, obj: Any) -> None:
        return None


@admin.register(Stage)
class StageAdmin(RecordedAdmin):
    noun = "stage"
    list_display = (
        "name",
        "slug",
        "project",
        "order",
        "colour",
        "environment",
        "approvals_required",
        "roles",
        "mlflow_stage",
    )
    list_display_links = ("name",)
    list_filter = (("project", admin.EmptyFieldListFilter), "environment")
    list_select_related = ("project", "environment")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    filter_horizontal = ("required_roles",)
    fieldsets = (
        (None, {"fields": ("name", "slug", "project", "description")}),
        ("In the stage bar", {"fields": ("order", "colour")}),
        (
            "Review",
            {
                "fields": ("approvals_required", "required_roles"),
                "description": "Reviews that are open keep what was asked when they were opened.",
            },
        ),
        ("What follows", {"fields": ("environment", "single_occupancy", "mlflow_stage")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stage]:
        return super().get_queryset(request).prefetch_related("required_roles")

    @admin.display(description="roles that must approve")
    def roles(self, stage: Stage) -> str:
        return ", ".join(role.name for role in stage.required_roles.all()) or "–"


@admin.register(StageOverride)
class StageOverrideAdmin(ReadOnlyAdmin):
    """Owners change these in the settings of their project."""

    list_display = ("stage", "project", "approvals_required")
    list_select_related = ("stage", "project")


def _plugin(name: str, group: str) -> str:
    known = sorted(entry.name for entry in entry_points(group=group))
    if name not in known:
        raise forms.ValidationError(
            f"There is no plug-in “{name}”. Installed are: {', '.join(known) or 'none'}."
        )
    return name
