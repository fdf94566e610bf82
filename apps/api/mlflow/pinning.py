"""A stage as the source of a copy stands for the version that is in it now."""

import re

from apps.accounts.models import User
from apps.core.errors import Invalid, NotFound
from apps.registry import queries
from apps.stages import queries as stages

IN_A_STAGE = re.compile(r"models:/(?P<name>[^/@:]+)/(?P<stage>[^/@]+)")


def pinned(source: str, *, user: User) -> str:
    """`models:/name/Staging` as `models:/name/3`; every other source as it is."""
    match = IN_A_STAGE.fullmatch(source)
    if match is None or match["stage"].isdigit() or match["stage"].casefold() == "latest":
        return source
    model = queries.model_named(match["name"], user=user)
    wanted = match["stage"].casefold()
    known = [name.casefold() for name in stages.MlflowStage.values]
    if wanted not in known and stages.stage_named(model.project, wanted) is None:
        raise Invalid(f"Invalid Model Version stage: {match['stage'][:80]}. There is no such one.")
    newest = queries.latest_of_each(queries.versions_of(model), "placement__stage")
    for version in stages.with_stage(newest).order_by("-number"):
        here = stages.current_stage(version)
        names = {stages.mlflow_stage_of(version), *((here.slug, here.name) if here else ())}
        if wanted in {name.casefold() for name in names}:
            return f"models:/{model.name}/{version.number}"
    raise NotFound(f"There is no version of {model} in the stage “{match['stage'][:80]}”.")
