"""All addresses. Each app brings its own; what they mean is said there."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.account.urls")),
    path("", include("apps.api.urls")),
    path("", include("apps.deployments.urls")),
    path("", include("apps.web.urls")),
    path("", include("apps.web.project_urls")),
    path("", include("apps.reviews.urls")),
    path("", include("apps.cards.urls")),
    path("", include("apps.accounts.urls")),
]
