"""What the arguments of a call name: a version that the person sees, a stage of its project."""

from apps.accounts.models import User
from apps.api.mlflow.arguments import Arguments
from apps.core.errors import Invalid
from apps.registry import queries
from apps.registry.models import ModelVersion
from apps.stages import queries as stages
from apps.stages.models import Stage

LONGEST_ID = 18


def version_asked(user: User, arguments: Arguments) -> ModelVersion:
    version = entry_version_asked(user, arguments)
    if version.model.is_prompt:
        raise Invalid(f"{version.model} is a prompt: it has aliases, but no stages and no reviews.")
    return version


def entry_version_asked(user: User, arguments: Arguments) -> ModelVersion:
    """A version of a model or of a prompt."""
    return queries.version_named(arguments.name(), arguments.version(), user=user)


def stage_asked(version: ModelVersion, arguments: Arguments) -> Stage:
    name = arguments.text("stage", required=True)
    stage = stages.stage_named(version.project, name)
    if stage is None:
        known = ", ".join(known.name for known in stages.stages_of(version.project)) or "none yet"
        raise Invalid(f"Invalid Model Version stage: {name}. The stages here are: {known}.")
    return stage


def id_asked(arguments: Arguments) -> int:
    """The id of a row. What no row can have is 0, which none has."""
    text = arguments.text("id", required=True)
    is_number = text.isascii() and text.isdigit() and len(text) <= LONGEST_ID
    return int(text) if is_number else 0
