from apps.accounts.models import User
from apps.evaluations import measuring, services
from apps.registry import policies as registry_policies
from apps.runs.models import Run
from apps.runs.runners import RunContext, runner


def _may(user: User, run: Run) -> bool:
    return registry_policies.versions.allows(user, run.asked_for, run.evaluation.version)


@runner(services.EVALUATE, queue="evaluations", allows=_may)
def evaluate(run: Run, ctx: RunContext) -> None:
    measuring.measure(run.evaluation, ctx)
