from django.urls import path, re_path

from apps.web.views import (
    audit,
    card,
    deployments,
    environments,
    inbox,
    models,
    operations,
    runs,
    training,
)

app_name = "web"
urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("notifications", inbox.notifications, name="notifications"),
    path("notifications/read", inbox.mark_read, name="notifications_read"),
    path("notifications/<int:pk>", inbox.notification, name="notification"),
    path("notifications/<int:pk>/read", inbox.mark_read, name="notification_read"),
    path("models", models.models, name="models"),
    path("models/<str:name>", models.model, name="model"),
    path("models/<str:name>/activity", models.model_activity, name="model_activity"),
    path("models/<str:name>/versions/<int:number>", card.card, name="card"),
    path(
        "models/<str:name>/versions/<int:number>/activity", card.card_activity, name="card_activity"
    ),
    path("models/<str:name>/versions/<int:number>/move", card.move, name="move"),
    path("models/<str:name>/versions/<int:number>/try", card.try_it, name="try_it"),
    path(
        "models/<str:name>/versions/<int:number>/retry",
        card.retry_registration,
        name="retry_registration",
    ),
    path("deployments", deployments.deployments, name="deployments"),
    path("deployments/<int:pk>", deployments.deployment, name="deployment"),
    path("deployments/<int:pk>/cancel", deployments.cancel, name="deployment_cancel"),
    path("deployments/<int:pk>/retry", deployments.retry, name="deployment_retry"),
    path("deployments/<int:pk>/roll-back", deployments.roll_back, name="deployment_roll_back"),
    path("deployments/<int:pk>/retire", deployments.retire, name="deployment_retire"),
    path("deployments/<int:pk>/keys", deployments.create_key, name="key_new"),
    path("deployments/<int:pk>/keys/<int:key>/revoke", deployments.revoke_key, name="key_revoke"),
    path("environments", environments.environments, name="environments"),
    path("environments/<slug:slug>", environments.environment, name="environment"),
    path("runs/<int:pk>/log", runs.run_log, name="run_log"),
    path("training-runs/<str:run_id>", training.run, name="tracked_run"),
    path("training-runs/<str:run_id>/metric", training.metric, name="tracked_metric"),
    path("training-runs/<str:run_id>/artifacts", training.artifacts, name="tracked_artifacts"),
    path("training-runs/<str:run_id>/file", training.file, name="tracked_file"),
    path("training-runs/<str:run_id>/raw", training.raw, name="tracked_raw"),
    path("mlflow", training.mlflow_pages, name="mlflow_pages"),
    path("audit", audit.audit, name="audit"),
    path("audit/<int:pk>", audit.audit_event, name="audit_event"),
    re_path(r"^audit/export\.(?P<kind>csv|jsonl)$", audit.audit_export, name="audit_export"),
    path("objects/<str:kind>/<str:pk>", audit.object_page, name="object"),
    path("operations", operations.operations, name="operations"),
    path("operations/messages/<int:pk>/retry", operations.retry_message, name="message_retry"),
]
