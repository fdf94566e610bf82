"""Everything under the name `projects`: the app's own pages, and those that show other apps too."""

from django.urls import path

from apps.projects import urls
from apps.web.views import projects

app_name = "projects"
urlpatterns = [
    path("projects", projects.projects, name="list"),
    *urls.urlpatterns,
    path("projects/<slug:slug>", projects.project, name="detail"),
    path("projects/<slug:slug>/settings", projects.settings, name="settings"),
    path("projects/<slug:slug>/stages/<int:stage>", projects.override, name="override"),
    path(
        "projects/<slug:slug>/stages/<int:stage>/reset",
        projects.override_reset,
        name="override_reset",
    ),
]
