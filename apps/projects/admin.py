"""Projects for looking, and the capacities in which people review."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from apps.accounts.attributes import require_declared
from apps.accounts.models import About
from apps.audit.admin import RecordedAdmin
from apps.core.admin import CarefulAdmin
from apps.core.errors import Invalid
from apps.projects import services
from apps.projects.models import Membership, Project, ReviewerRole


@admin.register(ReviewerRole)
class ReviewerRoleAdmin(RecordedAdmin):
    noun = "reviewer_role"
    list_display = ("name", "slug", "description")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}

    def project_of(self, obj: Any) -> None:
        return None


class MembershipInline(admin.TabularInline):
    """Members are changed on the project's own page, which keeps an owner and tells people."""

    model = Membership
    fields = ("user", "role", "created_at")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False


class ProjectForm(forms.ModelForm):
    """Its attributes, which owners may be kept from setting. The rest has pages of its own."""

    class Meta:
        model = Project
        fields = ("attributes",)

    def clean_attributes(self) -> dict[str, Any]:
        given = self.cleaned_data["attributes"]
        try:
            require_declared(given, about=About.PROJECT, before=self.instance.attributes)
        except Invalid as refusal:
            raise ValidationError(refusal.message) from None
        return given


@admin.register(Project)
class ProjectAdmin(CarefulAdmin):
    writes: ClassVar = {"edit": "project.set_attributes"}
    form = ProjectForm
    fields = ("name", "slug", "description", "visibility", "attributes", "created_by", "created_at")
    readonly_fields = ("name", "slug", "description", "visibility", "created_by", "created_at")
    list_display = ("name", "slug", "visibility", "created_by", "created_at")
    list_filter = ("visibility",)
    search_fields = ("name", "slug")
    inlines = (MembershipInline,)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        return bool(user.is_active and user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        user: Any = request.user
        before: dict[str, Any] = form.initial["attributes"]
        taken_away = {name: None for name in before if name not in obj.attributes}
        services.set_attributes(obj, changes={**taken_away, **obj.attributes}, by=user)
