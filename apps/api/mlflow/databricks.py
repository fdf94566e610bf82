"""Databricks' own spelling of two calls of the registry, with what its answers say beyond."""

import json
from typing import Any

from apps.accounts.models import User
from apps.api.mlflow import model_versions, registered_models
from apps.api.mlflow.arguments import Arguments
from apps.api.mlflow.named import version_asked
from apps.api.mlflow.transition_requests import open_requests
from apps.registry import policies, queries
from apps.registry.models import RegisteredModel

LEVELS = [
    ("manage_project", "CAN_MANAGE"),
    ("register", "CAN_EDIT"),
    ("view", "CAN_READ"),
]


def get_model(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    told = registered_models.get(user, arguments)["registered_model"]
    return {
        "registered_model_databricks": {
            **json.loads(told),
            "id": str(model.pk),
            "user_id": model.created_by.username,
            "permission_level": _level(user, model),
        }
    }


def transition_stage(user: User, arguments: Arguments) -> dict[str, Any]:
    told = model_versions.transition_stage(user, arguments)["model_version"]
    version = version_asked(user, arguments)
    return {
        "model_version_databricks": {
            **json.loads(told),
            "open_requests": open_requests(version, user),
            "permission_level": _level(user, version.model),
        }
    }


def _level(user: User, model: RegisteredModel) -> str:
    return next(name for may, name in LEVELS if policies.models.allows(user, may, model))
