"""What somebody typed and has not saved yet, kept as the browser sent it."""

from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from apps.accounts.models import User
from apps.cards.models import CardDraft
from apps.cards.schema import Section
from apps.core.errors import TooLarge
from apps.core.pages import whole
from apps.registry import policies
from apps.registry.models import ModelVersion

LARGEST = 1_000_000
# What belongs to the request, and not to the form.
NOT_KEPT = {"csrfmiddlewaretoken", "add", "preview", "discard"}


def of(version: ModelVersion, *, by: User, section: Section) -> CardDraft | None:
    return version.card_drafts.filter(by=by, section=section.key).first()


@transaction.atomic
def keep(
    version: ModelVersion, *, by: User, section: Section, data: QueryDict, newest: int
) -> CardDraft:
    """One draft for each person and section; the next one takes its place."""
    policies.versions.require(by, "edit_card", version)
    kept = {name: data.getlist(name) for name in data if name not in NOT_KEPT}
    if sum(len(text) for texts in kept.values() for text in texts) > LARGEST:
        raise TooLarge("This is more than a draft can hold. Save the revision, or shorten it.")
    draft, _ = CardDraft.objects.update_or_create(
        version=version,
        by=by,
        section=section.key,
        defaults={
            "data": {name: [_storable(text) for text in texts] for name, texts in kept.items()},
            "base_revision": whole(data.get("base_revision")) or newest,
            "updated_at": timezone.now(),
        },
    )
    return draft


def discard(version: ModelVersion, *, by: User, section: Section) -> None:
    version.card_drafts.filter(by=by, section=section.key).delete()


def typed(draft: CardDraft) -> QueryDict:
    """What was typed, as a form takes it."""
    data = QueryDict(mutable=True)
    for name, texts in draft.data.items():
        data.setlist(name, texts)
    data["base_revision"] = str(draft.base_revision)
    return data


def _storable(text: str) -> str:
    return text.replace("\x00", "�")
