"""Everything under the name `accounts`: the app's own pages, and the one that knows projects."""

from django.urls import path

from apps.accounts import urls
from apps.web.views import tokens

app_name = "accounts"
urlpatterns = [
    *urls.urlpatterns,
    path("account/tokens", tokens.tokens, name="tokens"),
]
