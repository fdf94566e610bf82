"""Access rules beside everything else that administrators lay down. They hold at once."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from apps.access import rulebook, services
from apps.access.forms import RuleForm
from apps.access.models import AccessReview, GroupGrant, Rule, UserGrant
from apps.audit.admin import ReadOnlyAdmin, RecordedAdmin
from apps.core.context import forget


@admin.register(Rule)
class RuleAdmin(RecordedAdmin):
    """Written by administrators alone, whatever else somebody may do in the admin."""

    noun = "rule"
    form = RuleForm
    list_display = ("name", "effect", "told_actions", "told_conditions", "state", "author")
    list_filter = ("effect", "is_active")
    list_select_related = ("author",)
    search_fields = ("name", "description")
    readonly_fields = ("author", "created_at", "updated_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._writes(request) and Rule.objects.count() < services.MOST_RULES

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._writes(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._writes(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.author = request.user
        if not change or form.has_changed():
            obj.updated_at = timezone.now()
            super().save_model(request, obj, form, change)
            forget()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        by: Any = request.user
        services.delete_rule(obj, by=by)

    def project_of(self, obj: Any) -> None:
        return None

    @admin.display(description="actions")
    def told_actions(self, rule: Rule) -> str:
        return ", ".join(rule.actions)

    @admin.display(description="conditions")
    def told_conditions(self, rule: Rule) -> str:
        return " and ".join(rule.conditions) or "always"

    @admin.display(description="state")
    def state(self, rule: Rule) -> str:
        if fault := rulebook.read_rule(rule, rulebook.declarations()).fault:
            return f"cannot be read: {fault}"
        if not rule.is_active:
            return "switched off"
        return "holds" if rule.is_in_force else "out of its time"

    @staticmethod
    def _writes(request: HttpRequest) -> bool:
        user: Any = request.user
        return user.is_active and user.is_superuser and user.limits is None


class GrantAdmin(ReadOnlyAdmin):
    """Given and taken back on the page of the object, where it is recorded."""

    list_select_related = ("permission", "content_type", "given_by")
    list_filter = ("permission__codename", "content_type")


@admin.register(UserGrant)
class UserGrantAdmin(GrantAdmin):
    list_display = ("user", "permission", "object_pk", "given_by", "given_at", "expires_at")
    search_fields = ("user__username",)


@admin.register(GroupGrant)
class GroupGrantAdmin(GrantAdmin):
    list_display = ("group", "permission", "object_pk", "given_by", "given_at", "expires_at")
    search_fields = ("group__name",)


@admin.register(AccessReview)
class AccessReviewAdmin(ReadOnlyAdmin):
    list_display = ("project_name", "signed_by", "signed_at", "digest")
    list_select_related = ("signed_by",)
    search_fields = ("project_name", "signed_by__username")
