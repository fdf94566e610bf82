"""Stages and environments. A change holds from the next request on; open reviews keep the policy
they were opened under."""

from importlib.metadata import entry_points
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.audit.admin import ReadOnlyAdmin, RecordedAdmin
from apps.outbox.services import publish
from apps.stages import aliases
from apps.stages.events import StagePolicyChanged
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


class AliasField(forms.CharField):
    """Left empty it stays as it is, or is made from the short name."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data) and super().has_changed(initial, data)


class StageForm(forms.ModelForm):
    alias = AliasField(
        required=False, max_length=255, help_text=Stage._meta.get_field("alias").help_text
    )

    class Meta:
        model = Stage
        fields = (
            "name", "slug", "project", "description", "order", "colour", "approvals_required",
            "required_roles", "environment", "single_occupancy", "mlflow_stage", "alias",
        )  # fmt: skip

    def clean_alias(self) -> str:
        return self.cleaned_data["alias"] or self.instance.alias


@admin.register(Stage)
class StageAdmin(RecordedAdmin):
    noun = "stage"
    form = StageForm
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
        "alias",
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
        ("What follows", {"fields": ("environment", "single_occupancy")}),
        (
            "For MLflow's client",
            {
                "fields": ("mlflow_stage", "alias"),
                "description": "Where people already set an alias of this name, it changes: from "
                "now on it points at what stands in the stage, or is gone.",
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stage]:
        return super().get_queryset(request).prefetch_related("required_roles")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change or "alias" in form.changed_data:
            by: Any = request.user
            aliases.keep_everywhere(form.instance, by=by, before=form.initial.get("alias") or "")
        if change and form.has_changed():
            publish(StagePolicyChanged(form.instance.pk, form.instance.project_id))

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
