"""Writes of the registry: models, versions, their labels."""

from apps.registry.services.attributes import set_model_attributes, set_version_attributes
from apps.registry.services.imports import FoundVersion, import_version
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
    keep_alias,
    set_alias,
    set_model_tag,
    set_version_tag,
)
from apps.registry.services.lineage import reread_lineage
from apps.registry.services.models import (
    create_model,
    delete_model,
    describe_model,
    rename_model,
)
from apps.registry.services.prefixes import release_prefix, reserve_prefix
from apps.registry.services.rules import add_rule, remove_rule
from apps.registry.services.versions import create_version, delete_version, describe_version

__all__ = [
    "FoundVersion",
    "accept_version",
    "add_rule",
    "create_model",
    "create_version",
    "delete_alias",
    "delete_model",
    "delete_model_tag",
    "delete_version",
    "delete_version_tag",
    "describe_model",
    "describe_version",
    "import_version",
    "keep_alias",
    "reject_version",
    "release_prefix",
    "remove_rule",
    "rename_model",
    "reread_lineage",
    "reserve_prefix",
    "retry_ingest",
    "set_alias",
    "set_model_attributes",
    "set_model_tag",
    "set_version_attributes",
    "set_version_tag",
    "start_again",
]
