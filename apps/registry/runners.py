from apps.accounts.models import User
from apps.registry import ingest, policies
from apps.registry.models import Ingest
from apps.registry.services.ingests import KIND
from apps.runs.models import Run
from apps.runs.runners import RunContext, runner


def _may(user: User, run: Run) -> bool:
    version = run.ingest.version
    # What was deleted meanwhile exists for nobody: the work itself finds nothing to do.
    return version.deleted_at is not None or policies.versions.allows(user, run.asked_for, version)


@runner(KIND, allows=_may)
def take_over(run: Run, context: RunContext) -> None:
    found = Ingest.objects.select_related(
        "version__model__project", "version__tracking_server", "version__store"
    ).get(run=run)
    ingest.take_over(found.version, context)
