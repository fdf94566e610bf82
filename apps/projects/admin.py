"""Projects for looking, and the capacities in which people review."""

from typing import Any

from django.contrib import admin

from apps.audit.admin import ReadOnlyAdmin, RecordedAdmin
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


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "visibility", "created_by", "created_at")
    list_filter = ("visibility",)
    search_fields = ("name", "slug")
    inlines = (MembershipInline,)
