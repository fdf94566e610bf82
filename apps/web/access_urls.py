"""Everything under the name `access`: the app's own pages, and those that know all objects."""

from apps.access import urls

app_name = "access"
urlpatterns = [
    *urls.urlpatterns,
]
