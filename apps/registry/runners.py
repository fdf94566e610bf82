from apps.registry import ingest
from apps.registry.models import Ingest
from apps.registry.services.ingests import KIND
from apps.runs.models import Run
from apps.runs.runners import RunContext, runner


@runner(KIND)
def take_over(run: Run, context: RunContext) -> None:
    found = Ingest.objects.select_related(
        "version__model__project", "version__tracking_server", "version__store"
    ).get(run=run)
    ingest.take_over(found.version, context)
