"""Put together with the page of tokens, which knows projects, by `apps.web.account_urls`."""

from django.urls import path

from apps.accounts import views

urlpatterns = [
    path("account", views.profile, name="profile"),
    path("account/sessions", views.sessions, name="sessions"),
    path("account/sessions/end", views.session_end, name="sessions_end"),
    path("account/sessions/<int:pk>/end", views.session_end, name="session_end"),
    path("account/tokens/<int:pk>/revoke", views.token_revoke, name="token_revoke"),
]
