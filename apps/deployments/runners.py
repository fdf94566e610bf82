from apps.accounts.models import User
from apps.deployments import policies, rollout, services
from apps.registry import policies as registry_policies
from apps.runs.models import Run
from apps.runs.runners import RunContext, runner


def _may(user: User, run: Run) -> bool:
    deployment = run.rollout.deployment
    if run.asked_for == "move":
        # Into the stage whose environment the version is rolled out to.
        return registry_policies.versions.allows(user, "move", deployment.version)
    return policies.deployments.allows(user, run.asked_for, deployment)


@runner(services.ROLLOUT, queue="deployments", allows=_may)
def roll_out(run: Run, ctx: RunContext) -> None:
    rollout.roll_out(run.rollout, ctx)
