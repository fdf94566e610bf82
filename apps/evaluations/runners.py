from apps.accounts.models import User
from apps.evaluations import measuring, services, taking_in
from apps.evaluations.models import Intake
from apps.registry import policies as registry_policies
from apps.runs.models import Run
from apps.runs.runners import RunContext, runner


def _may(user: User, run: Run) -> bool:
    return registry_policies.versions.allows(user, run.asked_for, run.evaluation.version)


@runner(services.EVALUATE, queue="evaluations", allows=_may)
def evaluate(run: Run, ctx: RunContext) -> None:
    measuring.measure(run.evaluation, ctx)


def _may_take_in(user: User, run: Run) -> bool:
    return registry_policies.versions.allows(user, run.asked_for, run.data_set_intake.version)


@runner(services.TAKE_IN, allows=_may_take_in)
def take_in(run: Run, ctx: RunContext) -> None:
    found = Intake.objects.select_related(
        "version__model__project", "version__tracking_server", "run__requested_by"
    ).get(run=run)
    taking_in.take_in(found, ctx)
