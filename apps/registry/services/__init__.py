"""Writes of the registry: models, versions, their labels."""

from apps.registry.services.ingests import (
    accept_version,
    reject_version,
    retry_ingest,
    start_again,
)
from apps.registry.services.labels import (
    delete_alias,
    delete_model_tag,
    delete_version_tag,
    set_alias,
    set_model_tag,
    set_version_tag,
)
from apps.registry.services.models import (
    create_model,
    delete_model,
    describe_model,
    rename_model,
)
from apps.registry.services.versions import create_version, delete_version, describe_version

__all__ = [
    "accept_version",
    "create_model",
    "create_version",
    "delete_alias",
    "delete_model",
    "delete_model_tag",
    "delete_version",
    "delete_version_tag",
    "describe_model",
    "describe_version",
    "reject_version",
    "rename_model",
    "retry_ingest",
    "set_alias",
    "set_model_tag",
    "set_version_tag",
    "start_again",
]
