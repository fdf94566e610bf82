from django.urls import path

from apps.deployments import views

app_name = "endpoints"
urlpatterns = [
    path(
        "endpoints/<slug:project>/<slug:endpoint>/invocations",
        views.invocations,
        name="invocations",
    ),
    path(
        "endpoints/<slug:project>/<slug:endpoint>/versions/<int:version>/invocations",
        views.invocations,
        name="version_invocations",
    ),
]
