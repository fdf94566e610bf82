from apps.deployments.models import Deployment
from apps.deployments.states import DeploymentState
from apps.registry.guards import Action, Guard, register
from apps.registry.models import ModelVersion, RegisteredModel


class NothingDeployed(Guard):
    """What serves, or is on its way to, is not deleted, and does not leave its stage unnoticed."""

    name = "deployments"

    def objection(
        self, action: Action, obj: RegisteredModel | ModelVersion, *, alias: str = ""
    ) -> str:
        if action == Action.DELETE_VERSION:
            found = Deployment.objects.filter(version=obj.pk)
        elif action == Action.DELETE_MODEL:
            found = Deployment.objects.filter(version__model=obj.pk)
        elif action == Action.LEAVE_STAGE:
            found = Deployment.objects.filter(
                version=obj.pk, endpoint__environment__stages__placements__version=obj.pk
            )
        else:
            return ""
        living = (
            found.exclude(state__in=(DeploymentState.RETIRED, DeploymentState.FAILED))
            .select_related("version__model", "endpoint__environment")
            .first()
        )
        if living is None:
            return ""
        label = DeploymentState(living.state).label.lower()
        where = living.endpoint.environment
        archive = ", or archive the version" if action == Action.LEAVE_STAGE else ""
        return f"{living.version} is {label} in {where}. Retire that deployment first{archive}."


register(NothingDeployed())
