from django.urls import path

from apps.accounts import views

app_name = "accounts"
urlpatterns = [
    path("account", views.profile, name="profile"),
    path("account/tokens", views.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke", views.token_revoke, name="token_revoke"),
]
