"""All addresses. Each app brings its own; what they mean is said there."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

handler400 = "apps.web.refusals.bad_request"
handler500 = "apps.web.refusals.broken"

# The admin's own form knows neither second factors nor limits of attempts.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Nor does its own form for a password record that there is a new one.
admin.site.password_change = RedirectView.as_view(  # type: ignore[method-assign,assignment]
    pattern_name="account_change_password"
)
TO_PROFILE = RedirectView.as_view(pattern_name="accounts:profile")

urlpatterns = [
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    # Our page shows and ends them, after asking who it is.
    path("accounts/sessions/", RedirectView.as_view(pattern_name="accounts:sessions")),
    # Accounts are made and joined by signing on, by nothing else.
    path("accounts/3rdparty/", TO_PROFILE),
    path("accounts/3rdparty/signup/", TO_PROFILE),
    # An address says who somebody is, so that it is changed by administrators.
    path("accounts/email/", TO_PROFILE),
    path("", include("apps.accounts.sign_on_urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("apps.api.urls")),
    path("", include("apps.deployments.urls")),
    path("", include("apps.web.urls")),
    path("", include("apps.web.project_urls")),
    path("", include("apps.reviews.urls")),
    path("", include("apps.cards.urls")),
    path("", include("apps.evaluations.urls")),
    path("", include("apps.web.account_urls")),
    path("", include("apps.web.access_urls")),
]
