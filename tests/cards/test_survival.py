"""Any valid document on the card of a version: nothing is lost on any of its ways."""

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from apps.accounts.models import User
from apps.cards import diffs, documents, exchange, services
from apps.cards.formats import registry
from apps.cards.formats.fields import get
from apps.cards.formats.trees import same
from apps.cards.models import CardRevision
from apps.cards.schema import FIELDS
from apps.registry.models import ModelVersion, RegisteredModel
from tests import factories
from tests.cards.documents import documents as any_document

TYPED = [pointer for pointer, field in FIELDS.items() if field.is_typed]
READABLE = [key for key, found in registry.FORMATS.items() if found.read]
# What these write holds the whole document.
LOSSLESS = {"json", "huggingface", "cyclonedx"}


def written_by_people(document: dict[str, Any]) -> dict[str, Any]:
    """By pointer what people may type of it, without what a rule beside the schema refuses."""
    values = {pointer: documents.value_at(document, pointer) for pointer in TYPED}
    if documents.problems(documents.with_values(documents.empty(), values)):
        values |= dict.fromkeys(("/fairness/assessed", "/use/decision_role"))
    return values


def said(values: dict[str, Any]) -> dict[str, bytes]:
    """The same, spelled out, without what says nothing."""
    return {
        pointer: json.dumps(documents.settled(value), sort_keys=True).encode()
        for pointer, value in values.items()
        if not documents.is_empty(value)
    }


def typed(card: CardRevision) -> dict[str, Any]:
    """What stands in the database."""
    content = CardRevision.objects.get(pk=card.pk).content
    return {pointer: documents.value_at(content, pointer) for pointer in TYPED}


def save(version: ModelVersion, values: dict[str, Any], by: User, base: int) -> CardRevision:
    return services.edit_card(version, by=by, changes=values, base_revision=base)


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    # Each example writes: what fails is shown as it was found, and nothing smaller looked for.
    phases=[Phase.generate],
)
@given(any_document, any_document)
def test_any_valid_document_survives_store_diff_export_and_import(
    model: RegisteredModel, data_scientist: User, one: dict[str, Any], other: dict[str, Any]
) -> None:
    version = factories.make_version(model, by=data_scientist)
    before, after = written_by_people(one), written_by_people(other)

    first = save(version, before, data_scientist, 1)
    assert said(typed(first)) == said(before)
    stored = CardRevision.objects.get(pk=first.pk)
    assert (stored.digest, diffs.between(stored.content, first.content)) == (
        stored.content_digest(), [],
    )  # fmt: skip

    second = save(version, after, data_scientist, first.number)
    assert said(typed(second)) == said(after)
    changes = diffs.between(stored.content, CardRevision.objects.get(pk=second.pk).content)
    now, then = said(after), said(before)
    assert {change.field.pointer for change in changes} == {
        pointer for pointer in TYPED if now.get(pointer) != then.get(pointer)
    }
    assert all(c.words or c.entries or c.before != c.after for c in changes)

    second = CardRevision.objects.get(pk=second.pk)
    for key in READABLE:
        exported = exchange.export(second, key)
        read = registry.read(key, exported.content).document
        for field, value in documents.filled(second.content):
            name = field.pointer.strip("/").replace("/", ".")
            if name not in {*exported.lost, *exported.altered}:
                assert same(get(read, name), value), (key, name)
        assert key not in LOSSLESS or (exported.lost, exported.altered) == ((), ())

    third = factories.make_version(model, by=data_scientist)
    content = exchange.export(second, "json").content
    found = said(typed(services.open_card(third)))
    card = exchange.import_card(
        third, by=data_scientist, key="json", content=content, replace=True
    ).revision
    assert said(typed(card)) == found | now
    assert set(card.unconfirmed) == {p for p in now if now[p] != found.get(p)}
    confirmed = services.edit_card(
        third, by=data_scientist, changes={}, confirm=list(now), base_revision=card.number
    )
    assert (said(typed(confirmed)), confirmed.unconfirmed) == (found | now, {})
