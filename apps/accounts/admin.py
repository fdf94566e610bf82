"""People: invited, put into groups, disabled. Accounts are never deleted: history names them."""

from typing import Any

from allauth.account.admin import EmailAddress
from allauth.mfa.admin import Authenticator
from allauth.usersessions.admin import UserSession
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest

from apps.accounts.declarations import require_not_held
from apps.accounts.forms import AttributeForm, PersonChangeForm
from apps.accounts.models import Attribute, User
from apps.accounts.people import switched
from apps.accounts.sign_on_admin import ClaimMappingAdmin, IdentityAdmin, ProviderAdmin
from apps.audit.admin import RecordedAdmin

__all__ = ["ClaimMappingAdmin", "IdentityAdmin", "ProviderAdmin"]

admin.site.unregister(Group)
# An address is changed with its person above, where it is recorded.
admin.site.unregister(EmailAddress)
# A lost factor is taken away on the page of its person.
admin.site.unregister(Authenticator)
# Ended with the account, or by its person on his own page.
admin.site.unregister(UserSession)


class PersonCreationForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("username", "name", "email")


@admin.register(User)
class PersonAdmin(RecordedAdmin, UserAdmin):
    noun = "user"
    verbs = ("create", "edit")
    secret_fields = ("password", "password1", "password2")
    form = PersonChangeForm
    add_form = PersonCreationForm
    list_display = ("username", "name", "email", "is_active", "is_staff", "is_service_account")
    list_filter = ("is_active", "is_staff", "is_superuser", "is_service_account", "groups")
    search_fields = ("username", "name", "email")
    ordering = ("username",)
    autocomplete_fields = ("owner",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("name", "email", "attributes")}),
        (
            "Rights",
            {
                "fields": (
                    "is_active",
                    "is_service_account",
                    "owner",
                    "is_staff",
                    "is_superuser",
                    "groups",
                    "user_permissions",
                ),
                "description": "Disable an account instead of deleting it: its sessions and tokens "
                "end at once. The groups “infrastructure-admins” and “auditors” give rights in "
                "every project, “people-admins” manage people over REST. A service account has an "
                "owner, who makes its tokens; nobody signs in as it.",
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {"fields": ("username", "name", "email", "usable_password", "password1", "password2")},
        ),
    )

    def project_of(self, obj: Any) -> None:
        return None

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change and "is_active" in form.changed_data:
            switched(form.instance, by=request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Attribute)
class AttributeAdmin(RecordedAdmin):
    noun = "attribute"
    form = AttributeForm
    list_display = ("name", "about", "kind", "set_by", "description")
    list_filter = ("about",)
    search_fields = ("name", "description")

    def project_of(self, obj: Any) -> None:
        return None

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        require_not_held(Attribute.objects.select_for_update().get(pk=obj.pk))
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        super().delete_queryset(request, queryset)


@admin.register(Group)
class RecordedGroupAdmin(RecordedAdmin, GroupAdmin):
    noun = "group"
    # Groups are Django's own and have no row history.
    object_history_template = "admin/object_history.html"

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        return GroupAdmin.history_view(self, request, object_id, extra_context)
