"""Who is let in to MLflow's calls: those of the registry, and those that are passed on.

The latter say what they do in `routes`; their doors are made from that.
"""

from typing import Any

from django.conf import settings

from apps.api.mlflow import routes, spans
from apps.api.mlflow.routes import Body
from apps.api.mlflow.scopes import experiments, places
from apps.core.doors import (
    READING,
    Author,
    Door,
    Inner,
    Login,
    Methods,
    Rate,
    any_method,
    declare,
    declare_inner,
    everybody,
    may,
    methods,
    view,
)

LARGEST_JSON = 16 * 1024 * 1024

REGISTRY: dict[str, Methods] = {
    "registered-models/create": methods(POST=may("register", "project", "model.create")),
    "registered-models/rename": methods(POST=may("register", "model", "model.rename")),
    "registered-models/update": methods(PATCH=may("register", "model", "model.describe")),
    "registered-models/delete": methods(DELETE=may("delete", "model", "model.delete")),
    "registered-models/get": methods(GET=view("model")),
    "registered-models/search": methods(GET=everybody()),
    "registered-models/get-latest-versions": methods(GET=view("model"), POST=view("model")),
    "registered-models/set-tag": methods(POST=may("register", "model", "model.tag")),
    "registered-models/delete-tag": methods(DELETE=may("register", "model", "model.untag")),
    "registered-models/alias": methods(
        GET=view("version"),
        POST=may("register", "version", "alias.set"),
        DELETE=may("register", "model", "alias.delete"),
    ),
    "model-versions/create": methods(POST=may("register", "model", "version.register")),
    "model-versions/update": methods(PATCH=may("register", "version", "version.describe")),
    # Where the stage asks for a review, whoever may ask for one is told where it was opened.
    "model-versions/transition-stage": methods(
        POST=may("move", "version", "version.move", "version.leave", "review.request")
    ),
    "model-versions/delete": methods(DELETE=may("delete", "version", "version.delete")),
    "model-versions/get": methods(GET=view("version")),
    "model-versions/search": methods(GET=everybody()),
    "model-versions/get-download-uri": methods(GET=view("version")),
    "model-versions/set-tag": methods(POST=may("register", "version", "version.tag")),
    "model-versions/delete-tag": methods(DELETE=may("register", "version", "version.untag")),
}
WEBHOOKS: dict[str, Methods] = {
    "webhooks": methods(
        GET=everybody(), POST=may("manage_webhooks", "default project", "webhook.create")
    ),
    "webhooks/<str:webhook_id>": methods(
        GET=may("manage_webhooks", "webhook", hidden=True, rate=Rate.READ),
        PATCH=may("manage_webhooks", "webhook", "webhook.edit", hidden=True),
        DELETE=may("manage_webhooks", "webhook", "webhook.delete", hidden=True),
    ),
    "webhooks/<str:webhook_id>/test": methods(
        POST=may("manage_webhooks", "webhook", hidden=True, rate=Rate.EXPENSIVE)
    ),
}
DATABRICKS: dict[str, Methods] = {
    "transition-requests/create": methods(POST=may("request_review", "version", "review.request")),
    "transition-requests/approve": methods(
        POST=may("review", "review", "review.approve", members_only=True)
    ),
    "transition-requests/reject": methods(
        POST=may("review", "review", "review.request_changes", members_only=True)
    ),
    "transition-requests/delete": methods(
        DELETE=may("manage_project", "review", "review.withdraw", author=Author.TOO)
    ),
    "transition-requests/list": methods(GET=view("version")),
    "comments/create": methods(POST=may("comment", "version", "version.comment")),
    "comments/update": methods(
        PATCH=may("comment", "comment", "version.edit_comment", author=Author.ONLY),
        POST=may("comment", "comment", "version.edit_comment", author=Author.ONLY),
    ),
    "comments/delete": methods(
        DELETE=may("manage_project", "comment", "version.delete_comment", author=Author.TOO)
    ),
    "activities/list": methods(GET=view("version")),
    "registry-webhooks/create": methods(POST=may("manage_webhooks", "model", "webhook.create")),
    "registry-webhooks/list": methods(GET=everybody()),
    "registry-webhooks/update": methods(
        PATCH=may("manage_webhooks", "model webhook", "webhook.edit", hidden=True)
    ),
    "registry-webhooks/delete": methods(
        DELETE=may("manage_webhooks", "model webhook", "webhook.delete", hidden=True)
    ),
    "registry-webhooks/test": methods(
        POST=may("manage_webhooks", "model webhook", hidden=True, rate=Rate.EXPENSIVE)
    ),
    "databricks/registered-models/get": methods(GET=view("model")),
    "databricks/model-versions/transition-stage": methods(
        POST=may("move", "version", "version.move", "version.leave", "review.request")
    ),
}
BODIES = {
    Body.NONE: READING,
    Body.JSON: LARGEST_JSON,
    Body.SPANS: spans.LARGEST,
    Body.STREAM: settings.MLGOV_UPLOAD_LIMIT,
}


def door_of(route: routes.Route) -> Door:
    """Each asks the tracking server for what it is about, so that there is one class of them."""
    alike: dict[str, Any] = {
        "rate": Rate.TRACKING, "body": BODIES[route.body], "asks": "tracking server",
    }  # fmt: skip
    if route.narrows:
        return everybody(on="experiment", **alike)
    if route.scope is places.nowhere:
        return everybody(in_a_project=True, **alike)
    if route.scope is experiments.new:
        return may("register", "default project", "experiment.create", in_a_project=True, **alike)
    return may(route.use.value, "experiment", in_a_project=True, **alike)


CALLS = {**REGISTRY, **WEBHOOKS, **DATABRICKS}
declare(
    Login.TOKEN,
    {
        **{f"api/2.0/mlflow/{call}": doors for call, doors in CALLS.items()},
        # The earlier spelling.
        **{
            f"api/2.0/preview/mlflow/{call}": doors
            for call, doors in (REGISTRY | DATABRICKS).items()
        },
        # What is asked for is told by the rest of the address. Bodies are measured as they come.
        "mlflow:artifacts": any_method(
            view("version", rate=Rate.TRACKING, body=settings.MLGOV_UPLOAD_LIMIT)
        ),
        "mlflow:pass-through": any_method(
            may(
                "view", "experiment", rate=Rate.TRACKING, body=settings.MLGOV_UPLOAD_LIMIT,
                asks="tracking server",
            )
        ),
    },
)  # fmt: skip
declare_inner(
    "mlflow:pass-through",
    Login.TOKEN,
    [Inner(route.method, route.pattern, door_of(route)) for route in routes.ROUTES],
)
