import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from apps.cards.formats import registry
from apps.cards.formats.base import Context
from apps.cards.formats.fields import FIELDS, get, title_of
from apps.cards.formats.mapping import PLACES, STANDARDS
from apps.cards.formats.regulations import VIEWS, Item, views
from tests.cards.documents import documents, example, full

URL = "https://mlgov.example.org/models/credit-default/versions/3/"
# What nobody may read into a view.
CLAIMS = re.compile(
    r"(?i)\b(complian\w+|compli(es|ed)|conform(s|ing)|certif\w+|fulfil\w*|satisf\w+)\b"
)


def _items(key: str, document: dict[str, Any]) -> dict[str, Item]:
    return {item.key: item for view in views(key, document) for item in view.items}


def test_the_mapping_knows_each_field_of_the_schema_and_each_standard() -> None:
    assert list(PLACES) == list(FIELDS)
    assert {tuple(places) for places in PLACES.values()} == {tuple(STANDARDS)}


@pytest.mark.parametrize("key", ["annex_iv", "sr_26_2"])
def test_each_place_in_the_mapping_belongs_to_an_item(key: str) -> None:
    labels = [label for item in VIEWS[key]["items"] for label in item["labels"]]
    used = {place for places in PLACES.values() for place in places[key]}
    other = {"Annex XI"} if key == "annex_iv" else set()

    assert used - set(labels) == other
    assert set(labels) - used == set()
    assert len(labels) == len(set(labels))


def test_an_item_tells_what_is_said_and_what_is_not() -> None:
    item = _items("annex_iv", example())["4"]
    assert (item.filled, item.empty, item.state) == (
        [], [title_of("evaluation.metric_rationale")], "Nothing yet",
    )  # fmt: skip

    document = example()
    document["evaluation"]["metric_rationale"] = "Ranking drives profit."
    item = _items("annex_iv", document)["4"]
    assert [entry.value for entry in item.filled] == ["Ranking drives profit."]
    assert (item.empty, item.state) == ([], "1 of 1 fields say something")


@pytest.mark.parametrize(("key", "item"), [("annex_iv", "1(f)"), ("sr_26_2", "19")])
def test_what_no_card_can_answer_is_said_even_of_a_full_one(key: str, item: str) -> None:
    found = _items(key, full())[item]

    assert found.state == "Not answered by any card"
    assert found.limit


@pytest.mark.parametrize("key", ["annex-iv-html", "annex-iv-markdown", "sr-26-2-html"])
def test_no_view_claims_anything(key: str) -> None:
    said = registry.export(key, {"schema_version": "1", "overview": {}}).content.decode()
    body = said.split("<body>")[-1]

    assert CLAIMS.findall(body) == []
    assert "It does not say whether" in body


def test_each_filled_field_with_a_place_stands_in_the_view() -> None:
    for key, standard in (("annex-iv-markdown", "annex_iv"), ("sr-26-2-markdown", "sr_26_2")):
        exported = registry.export(key, full(), Context(URL))
        text = exported.content.decode().replace("\\", "")

        marked = [f for f in FIELDS if isinstance(get(full(), f), str)]
        missing = {f for f in marked if str(get(full(), f)) not in text}
        assert missing <= set(exported.lost)
        assert set(exported.lost) == {f for f in FIELDS if not PLACES[f][standard]}
        assert URL in text


def test_a_general_purpose_model_has_the_list_for_those_too() -> None:
    document = example()
    document["classification"]["eu_ai_act_class"] = "gpai"

    assert [view.title for view in views("annex_iv", document)] == [
        "EU AI Act, Annex IV", "EU AI Act, Annex XI",
    ]  # fmt: skip
    assert [view.title for view in views("annex_iv", example())] == ["EU AI Act, Annex IV"]
    assert [view.title for view in views("sr_26_2", document)] == ["SR 26-2 (ex SR 11-7)"]


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents)
def test_any_valid_document_can_be_read_in_each_order(document: dict[str, Any]) -> None:
    for key, found in registry.FORMATS.items():
        if key.startswith(("annex", "sr-")):
            exported = found.export(document, Context(URL))
            assert exported.content.decode()
            assert (exported.media_type, exported.suffix) == (found.media_type, found.suffix)
