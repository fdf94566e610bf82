from apps.accounts.models import User
from apps.cards import exchange
from apps.cards.models import CardExport
from apps.core.errors import DomainError
from apps.registry import policies, storage
from apps.runs.failures import RunFailure
from apps.runs.models import Run
from apps.runs.runners import RunContext, runner

LARGEST = 64 * 1024 * 1024


def _may(user: User, run: Run) -> bool:
    return policies.versions.allows(user, run.asked_for, run.card_export.revision.version)


@runner(exchange.KIND, allows=_may)
def write_card(run: Run, context: RunContext) -> None:
    found = CardExport.objects.select_related("revision__version__model").get(run=run)
    with context.step("write", "Write the file"):
        try:
            # By what the file is for: whoever asked may read more or less by now.
            revision = found.revision.without(found.withheld, is_about_them=False)
            exported = exchange.written(revision, found.format)
        except DomainError as refusal:
            raise RunFailure(
                "cards.platform.cannot-write",
                refusal.message,
                "Take another format meanwhile, such as HTML.",
            ) from None
    with context.step("keep", "Keep it"):
        blob = storage.save([exported.content], limit=LARGEST)
        found.sha256, found.size = blob.sha256, blob.size
        found.save(update_fields=["sha256", "size"])
