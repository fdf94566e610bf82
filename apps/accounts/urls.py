"""Put together with the page of tokens, which knows projects, by `apps.web.account_urls`."""

from django.urls import path

from apps.accounts import views

urlpatterns = [
    path("account", views.profile, name="profile"),
    path("account/tokens/<int:pk>/revoke", views.token_revoke, name="token_revoke"),
]
