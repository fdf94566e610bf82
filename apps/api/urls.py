"""Everything that programs speak to: REST, the MLflow wire format, probes."""

from django.urls import include, path

urlpatterns = [
    path("", include("apps.api.ops.urls")),
    path("", include("apps.api.mlflow.urls")),
    path("api/v1/", include("apps.api.v1.urls")),
]
