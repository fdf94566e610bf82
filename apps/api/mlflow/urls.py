from django.urls import path, re_path

from apps.api.mlflow import (
    comments,
    copies,
    databricks,
    model_versions,
    registered_models,
    registry_webhooks,
    transition_requests,
    webhooks,
)
from apps.api.mlflow.edge import endpoint
from apps.api.mlflow.passthrough import pass_on

app_name = "mlflow"

MODELS = {
    "create": endpoint(POST=registered_models.create),
    "rename": endpoint(POST=registered_models.rename),
    "update": endpoint(PATCH=registered_models.update),
    "delete": endpoint(DELETE=registered_models.delete),
    "get": endpoint(GET=registered_models.get),
    "search": endpoint(GET=registered_models.search_models),
    "get-latest-versions": endpoint(
        GET=registered_models.get_latest_versions, POST=registered_models.get_latest_versions
    ),
    "set-tag": endpoint(POST=registered_models.set_tag),
    "delete-tag": endpoint(DELETE=registered_models.delete_tag),
    "alias": endpoint(
        GET=registered_models.get_by_alias,
        POST=registered_models.set_alias,
        DELETE=registered_models.delete_alias,
    ),
}
VERSIONS = {
    "create": endpoint(POST=model_versions.create),
    "update": endpoint(PATCH=model_versions.update),
    "transition-stage": endpoint(POST=model_versions.transition_stage),
    "delete": endpoint(DELETE=model_versions.delete),
    "get": endpoint(GET=model_versions.get),
    "search": endpoint(GET=model_versions.search_versions),
    "get-download-uri": endpoint(GET=model_versions.get_download_uri),
    "set-tag": endpoint(POST=model_versions.set_tag),
    "delete-tag": endpoint(DELETE=model_versions.delete_tag),
}
WEBHOOKS = {
    "webhooks": endpoint(GET=webhooks.list_webhooks, POST=webhooks.create),
    "webhooks/<str:webhook_id>": endpoint(
        GET=webhooks.get, PATCH=webhooks.update, DELETE=webhooks.delete
    ),
    "webhooks/<str:webhook_id>/test": endpoint(POST=webhooks.test),
}
# What scripts for Databricks call beyond MLflow.
DATABRICKS = {
    "transition-requests/create": endpoint(POST=transition_requests.create),
    "transition-requests/approve": endpoint(POST=transition_requests.approve),
    "transition-requests/reject": endpoint(POST=transition_requests.reject),
    "transition-requests/delete": endpoint(DELETE=transition_requests.delete),
    "transition-requests/list": endpoint(GET=transition_requests.list_open),
    "comments/create": endpoint(POST=comments.create),
    "comments/update": endpoint(PATCH=comments.update, POST=comments.update),
    "comments/delete": endpoint(DELETE=comments.delete),
    "activities/list": endpoint(GET=comments.activities),
    "registry-webhooks/create": endpoint(POST=registry_webhooks.create),
    "registry-webhooks/list": endpoint(GET=registry_webhooks.list_webhooks),
    "registry-webhooks/update": endpoint(PATCH=registry_webhooks.update),
    "registry-webhooks/delete": endpoint(DELETE=registry_webhooks.delete),
    "registry-webhooks/test": endpoint(POST=registry_webhooks.test),
    "databricks/registered-models/get": endpoint(GET=databricks.get_model),
    "databricks/model-versions/transition-stage": endpoint(POST=databricks.transition_stage),
}

urlpatterns = [
    *(
        path(f"api/2.0/mlflow/registered-models/{verb}", view, name=f"registered-models-{verb}")
        for verb, view in MODELS.items()
    ),
    *(
        path(f"api/2.0/mlflow/model-versions/{verb}", view, name=f"model-versions-{verb}")
        for verb, view in VERSIONS.items()
    ),
    *(path(f"api/2.0/mlflow/{place}", view) for place, view in WEBHOOKS.items()),
    *(
        path(f"api/2.0/mlflow/{call}", view, name=call.replace("/", "-"))
        for call, view in DATABRICKS.items()
    ),
    # The earlier spelling of all of them.
    *(
        path(f"api/2.0/preview/mlflow/{call}", view)
        for call, view in (
            *((f"registered-models/{verb}", view) for verb, view in MODELS.items()),
            *((f"model-versions/{verb}", view) for verb, view in VERSIONS.items()),
            *DATABRICKS.items(),
        )
    ),
    re_path(
        r"^api/2\.0/mlflow-artifacts/artifacts(?:/(?P<place>.*))?$",
        copies.artifacts,
        name="artifacts",
    ),
    # Everything else that looks like MLflow, so that also a refusal is in its words.
    re_path(
        r"^(?:version|health|(?:api/[23]\.0|ajax-api|graphql|gateway|v1/traces|get-artifact"
        r"|model-versions)(?:/.*)?)$",
        pass_on,
        name="pass-through",
    ),
]
