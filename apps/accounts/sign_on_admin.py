"""Sign-on providers and what their claims give, for administrators."""

from typing import Any
from urllib.parse import urlsplit

from allauth.socialaccount.admin import SocialAccount, SocialApp, SocialToken
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.http import HttpRequest

from apps.accounts.models import ClaimMapping
from apps.audit.admin import ReadOnlyAdmin, RecordedAdmin
from apps.core import crypto

LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Fields of the form that are settings of the provider.
KEPT = (
    *("server_url", "link_verified_email", "logout_ends_tokens", "tokens_rest_after"),
    "events_audience",
)

admin.site.unregister(SocialApp)
admin.site.unregister(SocialAccount)
# None are kept.
admin.site.unregister(SocialToken)


class ProviderForm(forms.ModelForm):
    provider_id = forms.CharField(
        label="Short name",
        max_length=50,
        validators=[RegexValidator(r"\A[a-z0-9][a-z0-9-]*\Z", "Small letters, digits and -.")],
        help_text="Part of the address that the provider sends people back to: "
        "/accounts/oidc/SHORT-NAME/login/callback/. People are kept under it, so it stays.",
    )
    server_url = forms.CharField(
        label="Issuer", max_length=300, help_text="e.g. https://login.example.com/realms/team"
    )
    secret = forms.CharField(
        label="Client secret",
        required=False,
        # As long as the encrypted text fits the column.
        max_length=79,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Left empty, the stored one stays. It is kept encrypted and never shown.",
    )
    link_verified_email = forms.BooleanField(
        label="Join accounts by address",
        required=False,
        help_text="Somebody whose verified address an account here has already, gets that account. "
        "Only for a provider whose people cannot choose their address themselves; never for "
        "administrators’ accounts.",
    )

    logout_ends_tokens = forms.BooleanField(
        label="A logout there ends access tokens",
        required=False,
        help_text="For providers that tell mlgov of logouts: sessions here end with one in any "
        "case. Tick it where a provider tells that somebody was disabled in no other way.",
    )
    tokens_rest_after = forms.IntegerField(
        label="Tokens rest after",
        required=False,
        min_value=0,
        max_value=3650,
        help_text="Days without a sign-on through this provider, after which the access tokens of "
        "its people are refused until the next one. 0: never. For a provider that tells of nobody "
        "who left. Tokens of service accounts do not rest.",
    )
    events_audience = forms.CharField(
        label="Audience of security events",
        required=False,
        max_length=300,
        help_text="Only for a provider that sends security events to another name than the client "
        "id: as it stands in their “aud”.",
    )

    class Meta:
        model = SocialApp
        fields = ("name", "provider_id", "client_id", "secret")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in KEPT:
            self.initial[name] = self.instance.settings.get(name)
        self.initial["secret"] = ""
        if self.instance.pk:
            self.fields["provider_id"].disabled = True

    def clean_provider_id(self) -> str:
        given: str = self.cleaned_data["provider_id"]
        others = SocialApp.objects.exclude(pk=self.instance.pk)
        if others.filter(provider_id=given).exists():
            raise ValidationError("Another provider has this name.")
        return given

    def clean_server_url(self) -> str:
        given: str = self.cleaned_data["server_url"].rstrip("/")
        try:
            parts = urlsplit(given)
            host = parts.hostname
        except ValueError:
            raise ValidationError("This is no address.") from None
        if not host or parts.query or parts.fragment or parts.username:
            raise ValidationError("Give the address of the issuer, as it stands in its tokens.")
        if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
            raise ValidationError("The provider has to be reached by https.")
        return given

    def save(self, commit: bool = True) -> Any:
        app = self.instance
        app.provider = "openid_connect"
        app.settings = {
            **app.settings,
            **{name: self.cleaned_data[name] for name in KEPT},
        }
        if secret := self.cleaned_data["secret"]:
            app.secret = crypto.encrypt(secret)
        elif app.pk:
            app.secret = SocialApp.objects.values_list("secret", flat=True).get(pk=app.pk)
        return super().save(commit)


@admin.register(SocialApp)
class ProviderAdmin(RecordedAdmin):
    noun = "sign_on"
    secret_fields = ("secret",)
    form = ProviderForm
    list_display = ("name", "provider_id", "client_id")
    # Rows of allauth have no history of ours; the trail has what changed.
    object_history_template = "admin/object_history.html"

    def project_of(self, obj: Any) -> None:
        return None

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        return admin.ModelAdmin.history_view(self, request, object_id, extra_context)


@admin.register(SocialAccount)
class IdentityAdmin(ReadOnlyAdmin):
    """Who somebody is at a provider."""

    list_display = ("user", "provider", "uid", "last_login")
    search_fields = ("user__username", "uid")
    fields = ("user", "provider", "uid", "date_joined", "last_login")
    readonly_fields = fields


@admin.register(ClaimMapping)
class ClaimMappingAdmin(RecordedAdmin):
    noun = "claim"
    list_display = ("claim", "value", "group", "attribute", "provider")
    list_filter = ("provider",)

    def project_of(self, obj: Any) -> None:
        return None
