from apps.deployments import rollout, services
from apps.runs.models import Run
from apps.runs.runners import RunContext, runner


@runner(services.ROLLOUT, queue="deployments")
def roll_out(run: Run, ctx: RunContext) -> None:
    rollout.roll_out(run.rollout, ctx)
