"""What sign-on providers call. Not for people."""

from django.urls import path

from apps.accounts import sign_on_views

app_name = "sign_on"
urlpatterns = [
    path(
        "accounts/oidc/<slug:provider>/back-channel-logout",
        sign_on_views.back_channel_logout,
        name="back_channel_logout",
    ),
    path(
        "accounts/oidc/<slug:provider>/security-events",
        sign_on_views.hear_security_event,
        name="security_events",
    ),
]
