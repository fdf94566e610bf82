"""What the search knows of each version's newest card: its words, facts and metrics.

Written in the transaction that saves the revision, so that a search never finds what a card said
before. It works on the document and not on a list of its fields: what an organisation adds to cards
is found as well.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.apps.registry import Apps
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from apps.cards import documents
from apps.cards.models import CardFact, CardMetric, CardRevision, CardText, IndexedCard
from apps.cards.schema import FIELDS, Kind
from apps.cards.search.words import folded, words_of
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.services.locks import lock_version
from apps.registry.states import VersionState

# To be raised where the same card is indexed in another way: `catch_up` then makes all anew.
UNKNOWN, FORMAT = 0, 1
# PostgreSQL takes no more of one text, which could be 1 MB of words that are all different.
MOST_BYTES = 400_000
# A section without a name: whoever sees a version sees what its model is called.
NAME = ""
# What the row of the name says is not said by the card as well: a model may be renamed.
NOT_READ = {"/overview/name", "/overview/version"}
NOT_READ_WITHIN = {"/provenance/mlflow": ("registered_model", "registered_version")}
FACTS = {
    "risk_tier": "/classification/risk_tier",
    "task": "/overview/task",
    "framework": "/overview/framework",
    "data_set": "/data/datasets",
    "owner": "/overview/owner",
}
METRICS = "/evaluation/metrics"
LONGEST = 200
_NUMBER_AT_THE_END = re.compile(r" v?\d\S*$")


def put(revision: CardRevision) -> None:
    """Index a revision that was just saved; the version is locked. Rows that say the same stay."""
    version = revision.version
    if not version.is_ready:
        return
    _put_texts(version, {NAME: _name_of(version.model_id), **_texts(revision.content)})
    _put_facts(version, _facts(revision.content))
    _put_metrics(version, _metrics(revision.content))
    IndexedCard.objects.bulk_create(
        [IndexedCard(version=version, revision=revision, format=FORMAT)],
        update_conflicts=True,
        unique_fields=["version"],
        update_fields=["revision", "format"],
    )


def put_name(model_id: int) -> None:
    """The versions of a model are found by the name that it has by now. Safe to repeat."""
    named = CardText.objects.filter(version__model=model_id, section=NAME)
    named.update(words=_name_of(model_id))


def not_indexed() -> QuerySet[ModelVersion]:
    """Living versions whose newest card the search does not know, or in another format."""
    newest = CardRevision.objects.filter(version=OuterRef("pk")).order_by("-number")
    known = IndexedCard.objects.filter(
        version=OuterRef("pk"), revision=OuterRef("newest_revision"), format=FORMAT
    )
    return (
        ModelVersion.objects.filter(
            state=VersionState.READY, deleted_at=None, model__is_prompt=False
        )
        .annotate(newest_revision=Subquery(newest.values("pk")[:1]))
        .filter(newest_revision__isnull=False)
        .exclude(Exists(known))
    )


def catch_up(*, everything: bool = False) -> int:
    """Index what is not, or all cards. Returns how many. May be stopped and called again."""
    if everything:
        # What is known stays findable until it is known anew.
        IndexedCard.objects.update(format=UNKNOWN)
    count = 0
    for pk in list(not_indexed().order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            # Whoever edits the card meanwhile waits, or is waited for.
            version = lock_version(pk)
            newest = version.card_revisions.order_by("-number").first()
            if newest is not None:
                newest.version = version
                put(newest)
                count += 1
    return count


def after_migrating(apps: Apps | None = None, **_: Any) -> None:
    """Cards that were written before there was an index, or one of this format.

    Without `apps` nothing was migrated, but all tables emptied.
    """
    if apps is not None and "indexedcard" in apps.all_models["cards"]:
        catch_up()


def field_text(section: str, key: str, value: Any) -> str:
    """A value as it is searched: what people and runs wrote, without the words of the schema."""
    pointer = f"/{section}/{key}"
    if pointer in NOT_READ_WITHIN and isinstance(value, dict):
        value = {name: v for name, v in value.items() if name not in NOT_READ_WITHIN[pointer]}
    field = FIELDS.get(pointer)
    names = field is None or field.kind not in (Kind.OBJECT, Kind.OBJECTS)
    return " · ".join(text for text in _said(value, names=names) if text.strip())


def fields_of(section: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(section, dict):
        yield from section.items()


def framework_of(value: Any) -> str:
    """Without its version, which is one among many."""
    return _NUMBER_AT_THE_END.sub("", str(value)[:LONGEST].strip())


def _said(value: Any, *, names: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if names:
                yield str(key)
            yield from _said(inner, names=names)
    elif isinstance(value, list):
        for inner in value:
            yield from _said(inner, names=names)
    elif isinstance(value, str):
        yield value
    elif documents.is_number(value):
        yield str(value)


def _texts(content: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for section, values in content.items():
        texts = [
            field_text(section, key, value)
            for key, value in fields_of(values)
            if f"/{section}/{key}" not in NOT_READ
        ]
        if words := _joined(texts):
            found[section[:100]] = words
    return found


def _name_of(model_id: int) -> str:
    # Read anew: who renames a model holds the locks of its versions, and so do we by now.
    return _joined([RegisteredModel.objects.values_list("name", flat=True).get(pk=model_id)])


def _joined(texts: list[str]) -> str:
    left, words = MOST_BYTES, list[str]()
    for text in texts:
        for word in words_of(text):
            left -= len(word.encode()) + 1
            if left < 0:
                return " ".join(words)
            words.append(word)
    return " ".join(words)


def _facts(content: Mapping[str, Any]) -> dict[tuple[str, str, str], str]:
    """By section, kind and key: the value as it is shown."""
    found: dict[tuple[str, str, str], str] = {}
    for kind, pointer in FACTS.items():
        section = FIELDS[pointer].section
        for value in _values(kind, documents.value_at(content, pointer)):
            if key := folded(value)[:LONGEST].strip():
                found.setdefault((section, kind, key), value.strip()[:LONGEST])
    return found


def _values(kind: str, value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        named = one.get("name") if isinstance(one, dict) else one
        if named:
            yield framework_of(named) if kind == "framework" else str(named)


def _metrics(content: Mapping[str, Any]) -> set[tuple[str, str, float]]:
    found = set()
    for row in documents.value_at(content, METRICS) or []:
        number = as_number(row.get("value"))
        name = str(row.get("name") or "")[:LONGEST].strip()
        if name and number is not None and not row.get("slice"):
            found.add((folded(name)[:LONGEST], name, number))
    return found


def as_number(value: Any) -> float | None:
    """The number as databases compare it; None for what is none."""
    if not documents.is_number(value):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _put_texts(version: ModelVersion, wanted: Mapping[str, str]) -> None:
    left = dict(wanted)
    changed, gone = [], []
    for row in CardText.objects.filter(version=version):
        words = left.pop(row.section, None)
        if words is None:
            gone.append(row.pk)
        elif words != row.words:
            row.words = words
            changed.append(row)
    if gone:
        CardText.objects.filter(pk__in=gone).delete()
    if changed:
        CardText.objects.bulk_update(changed, ["words"], batch_size=50)
    CardText.objects.bulk_create(
        CardText(version=version, section=section, words=words) for section, words in left.items()
    )


def _put_facts(version: ModelVersion, wanted: Mapping[tuple[str, str, str], str]) -> None:
    rows = CardFact.objects.filter(version=version)
    known = {(row.section, row.kind, row.key): row.value for row in rows}
    if known == wanted:
        return
    rows.delete()
    CardFact.objects.bulk_create(
        CardFact(version=version, section=section, kind=kind, key=key, value=value)
        for (section, kind, key), value in wanted.items()
    )


def _put_metrics(version: ModelVersion, wanted: set[tuple[str, str, float]]) -> None:
    rows = CardMetric.objects.filter(version=version)
    if set(rows.values_list("key", "name", "value")) == wanted:
        return
    rows.delete()
    CardMetric.objects.bulk_create(
        CardMetric(
            version=version, section=FIELDS[METRICS].section, key=key, name=name, value=value
        )
        for key, name, value in sorted(wanted)
    )
