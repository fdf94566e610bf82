"""Everything under the name `access`: the app's own pages, and those that know all objects."""

from django.urls import path

from apps.access import urls
from apps.web.views import access, grants

app_name = "access"
urlpatterns = [
    *urls.urlpatterns,
    path("access/why", access.why, name="why"),
    path("access/names", access.names, name="names"),
    path("access/who", access.who_may, name="who"),
    path("access/who.csv", access.who_export, name="who_export"),
    path("access/what", access.what_may, name="what"),
    path("access/what.csv", access.what_export, name="what_export"),
    path("access/of/<slug:kind>/<int:pk>", grants.grants, name="grants"),
    path("access/of/<slug:kind>/<int:pk>/take", grants.take, name="take"),
]
