"""Whether deployments have somewhere to go."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError

from apps.core.errors import DomainError
from apps.deployments.specs import target_for
from apps.runs.failures import RunFailure
from apps.stages.models import Environment


@register(Tags.database, deploy=True)
def targets_answer(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """With `check --deploy --database default`, on a machine that carries out deployments."""
    if not databases:
        return []
    try:
        environments = list(Environment.objects.filter(stages__isnull=False).distinct())
    except DatabaseError:  # before the first migrate
        return []
    found: list[CheckMessage] = []
    for environment in environments:
        try:
            target_for(environment).check()
        except (RunFailure, DomainError, OSError) as error:
            found.append(
                Warning(
                    f"The target “{environment.target}” of {environment} does not answer: {error}",
                    hint="Deployments to it wait or fail. Correct the environment in the Django "
                    "admin, or start what it names.",
                    id="deployments.W001",
                )
            )
    return found
