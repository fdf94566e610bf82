from apps.core.errors import NotPermitted
from apps.registry import rules
from apps.registry.guards import Action, Guard, register
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages import queries


class AliasesOfStages(Guard):
    """What a stage's alias points at is decided by a review, not by whoever may set aliases."""

    name = "aliases-of-stages"
    refusal = NotPermitted

    def objection(
        self, action: Action, obj: RegisteredModel | ModelVersion, *, alias: str = ""
    ) -> str:
        if action not in (Action.SET_ALIAS, Action.DELETE_ALIAS):
            return ""
        assert isinstance(obj, ModelVersion)
        stage = queries.stage_with_alias(obj.project, alias)
        if stage is None:
            return ""
        return (
            f"The alias “{alias}” is kept by mlgov: it points at the version that stands in "
            f"{stage}. Move a version there, or ask for a review, and the alias follows."
        )


class NothingThatWasReviewed(Guard):
    """What people let into a stage does not vanish from it."""

    name = "stages"

    def objection(
        self, action: Action, obj: RegisteredModel | ModelVersion, *, alias: str = ""
    ) -> str:
        # A model is deleted with its versions, and each of them is asked about.
        if action != Action.DELETE_VERSION:
            return ""
        assert isinstance(obj, ModelVersion)
        stage = queries.current_stage(obj)
        if stage is None or not queries.policy_for(stage, obj.project).needs_review:
            return ""
        return f"{obj} stands in {stage}, which asks for a review. Archive the version first."


register(AliasesOfStages())
register(NothingThatWasReviewed())
rules.ask_for_promotion(queries.is_promoted)
