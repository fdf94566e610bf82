from apps.accounts.models import User
from apps.builds import packing, policies, services
from apps.registry import policies as registry_policies
from apps.runs.models import Run
from apps.runs.runners import RunContext, runner


def _may(user: User, run: Run) -> bool:
    if run.asked_for == "move":
        # Into the stage whose environment the image is for.
        return registry_policies.versions.allows(user, "move", run.build.version)
    return policies.builds.allows(user, run.asked_for, run.build)


@runner(services.BUILD, queue="builds", allows=_may)
def build(run: Run, ctx: RunContext) -> None:
    packing.pack(run.build, ctx)
