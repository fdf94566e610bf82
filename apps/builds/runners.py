from apps.builds import packing, services
from apps.runs.models import Run
from apps.runs.runners import RunContext, runner


@runner(services.BUILD, queue="builds")
def build(run: Run, ctx: RunContext) -> None:
    packing.pack(run.build, ctx)
