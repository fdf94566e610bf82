import math
from typing import Any

import pytest
from django.http import QueryDict

from apps.accounts.models import User
from apps.cards import completeness, diffs, documents, queries, services
from apps.cards.documents import problems, with_values
from apps.cards.forms import SectionForm
from apps.cards.schema import FIELDS, SECTIONS, Kind, Source
from apps.core.digests import digest_of
from apps.core.errors import Conflict, Invalid, NotFound
from apps.registry.models import ModelVersion, RegisteredModel
from tests import factories

CARD = {section.key: section for section in SECTIONS}


def changed(version: ModelVersion, by: User, base: int = 1, **fields: object) -> object:
    changes = {f"/{name.replace('__', '/')}": value for name, value in fields.items()}
    return services.edit_card(version, by=by, changes=changes, base_revision=base)


def test_every_field_has_a_title_and_a_kind_that_pages_know() -> None:
    assert len(FIELDS) == 106
    assert all(field.title and field.kind in Kind for field in FIELDS.values())
    assert all(field.help for field in FIELDS.values() if field.is_typed and field.key != "values")


@pytest.mark.parametrize(
    ("pointer", "value", "place", "reason"),
    [
        ("/overview/summary", "Short.", "/overview/summary", "at least 20 characters"),
        ("/use/decision_role", "maybe", "/use/decision_role", "Choose one of informs-a-person"),
        ("/operations/review_due", "soon", "/operations/review_due", "Write it as a date"),
        ("/environment/co2_kg", "much", "/environment/co2_kg", "has to be a number"),
        ("/limitations/risks", [{"likelihood": "rare"}], "/limitations/risks/0/name", "Fill this"),
        ("/limitations/risks", [{"name": "x", "y": 1}], "/limitations/risks/0/y", "no such field"),
        ("/fairness/assessed", "yes", "/fairness/assessments", "say what came of it"),
        ("/fairness/assessed", "not-applicable", "/fairness/why_not", "Say why"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    pointer: str, value: object, place: str, reason: str
) -> None:
    found = problems(with_values(documents.empty(), {pointer: value}))
    assert [place in found, reason in found.get(place, "")] == [True, True]


def test_a_model_that_decides_alone_is_not_of_low_risk() -> None:
    card = with_values(
        documents.empty(),
        {"/use/decision_role": "decides-alone", "/classification/risk_tier": "low"},
    )
    assert "/classification/risk_tier" in problems(card)


def test_numbers_that_databases_spell_in_their_own_way_keep_their_digest(
    version: ModelVersion, data_scientist: User
) -> None:
    metrics = [{"name": str(n), "value": v} for n, v in enumerate([1e300, -0.0, 1e16, 5e-324, 3.0])]
    changed(version, data_scientist, evaluation__metrics=metrics)
    card = queries.current_card(version)
    assert card.digest == card.content_digest() == digest_of(card.digested())


@pytest.mark.parametrize("value", [math.nan, math.inf, "a\x00b", "\ud800"])
def test_what_no_database_keeps_is_refused(
    version: ModelVersion, data_scientist: User, value: object
) -> None:
    with pytest.raises(Invalid):
        changed(version, data_scientist, evaluation__metrics=[{"name": "x", "value": value}])


def test_what_mlgov_fills_is_not_edited(version: ModelVersion, data_scientist: User) -> None:
    with pytest.raises(Invalid, match="Artifacts is filled in by mlgov"):
        changed(version, data_scientist, provenance__artifacts=[])
    with pytest.raises(Invalid, match="no field /overview/colour"):
        changed(version, data_scientist, overview__colour="red")


def test_two_people_in_different_fields_lose_nothing_and_are_not_disturbed(
    version: ModelVersion, data_scientist: User, owner: User
) -> None:
    changed(version, data_scientist, use__intended_use="To sort.")
    changed(version, owner, base=1, use__out_of_scope="To decide.")
    content = queries.current_card(version).content
    assert content["use"] == {"intended_use": "To sort.", "out_of_scope": "To decide."}


def test_two_people_in_one_field_see_which(
    version: ModelVersion, data_scientist: User, owner: User
) -> None:
    changed(version, data_scientist, use__intended_use="To sort.")
    with pytest.raises(Conflict, match="changed the same: Intended use") as refusal:
        changed(version, owner, base=1, use__intended_use="To rank.")
    assert refusal.value.details["fields"] == ["/use/intended_use"]


def test_words_of_an_earlier_version_wait_for_a_yes(
    model: RegisteredModel, version: ModelVersion, data_scientist: User
) -> None:
    changed(version, data_scientist, use__intended_use="To sort.", overview__license="MIT")
    second = factories.make_version(model, by=data_scientist)
    changed(second, data_scientist, overview__license="Apache-2.0")
    assert queries.earlier_with_words(queries.current_card(second), data_scientist) == version
    card = services.carry_over(second, by=data_scientist, earlier=version)
    assert card.unconfirmed == {"/use/intended_use": "version 1"}
    assert documents.value_at(card.content, "/overview/license") == "Apache-2.0"
    waiting = {item.field.pointer: item.reason for item in completeness.missing(card)}
    assert "confirm that it holds here" in waiting["/use/intended_use"]

    confirmed = services.edit_card(
        second,
        by=data_scientist,
        changes={},
        confirm=["/use/intended_use"],
        base_revision=card.number,
    )
    assert confirmed.unconfirmed == {}
    assert "/use/intended_use" not in {m.field.pointer for m in completeness.missing(confirmed)}
    assert confirmed.digest != card.digest


def test_words_of_a_model_that_one_does_not_see_are_not_there(
    version: ModelVersion, data_scientist: User, stranger: User
) -> None:
    project = factories.make_project(owner=stranger)
    foreign = factories.make_version(factories.make_model(project, by=stranger), by=stranger)
    with pytest.raises(NotFound):
        services.carry_over(version, by=data_scientist, earlier=foreign)


def test_a_high_risk_needs_more_and_an_approval_more_again(version: ModelVersion) -> None:
    card = services.open_card(version)
    plain = len(completeness.needed(card.content))
    high = with_values(card.content, {"/classification/risk_tier": "high"})
    approval = completeness.needed(high, until=completeness.Needed.APPROVAL)
    assert (plain, len(completeness.needed(high)), len(approval)) == (31, 55, 60)


# ---- forms --------------------------------------------------------------------------------------


def typed(form: Any) -> dict[str, str]:
    """What a browser sends of a form that was only looked at."""
    data: dict[str, str] = {"base_revision": "1", "reason": ""}

    def walk(one: Any) -> None:
        if hasattr(one, "is_rows"):
            data[f"{one.prefix}-count"] = str(one.count)
            for inner in one.forms:
                walk(inner)
            return
        for _, bound in one.rendered():
            if hasattr(bound, "is_rows") or hasattr(bound, "is_object"):
                walk(bound)
            else:
                value = bound.value()
                data[bound.html_name] = "" if value is None else str(value)

    walk(form)
    return data


FULL = {
    "/overview/summary": "Predicts who will not pay back a loan.",
    "/overview/owner": {"name": "Ann", "contact": "ann@example.org"},
    "/overview/base_models": ["one", "two"],
    "/overview/description": "# Head\n\ntext\n",
    "/data/datasets": [
        {
            "name": "a",
            "role": "training",
            "rows": 0,
            "personal_data": False,
            "fields": [{"name": "x", "type": "long", "shape": [-1, 2], "allowed": [1, "b"]}],
        }
    ],
    "/evaluation/metrics": [
        {"name": "auc", "value": 0.1, "ci_low": 1e-7, "passed": True, "step": 3},
        {"name": "ok", "value": True},
        {"name": "n", "value": 20, "threshold": 5},
    ],
    "/operations/review_due": "2027-01-31",
    "/environment/energy_kwh": 12.5,
    "/custom/values": {"a": {"b": [1, 2.5, None]}},
}


@pytest.mark.parametrize("key", sorted({pointer.split("/")[1] for pointer in FULL}))
def test_a_form_that_was_only_looked_at_changes_nothing(key: str) -> None:
    content = with_values(documents.empty(), FULL)
    looked_at = SectionForm(section=CARD[key], content=content, base_revision=1)
    form = SectionForm(_sent(typed(looked_at)), section=CARD[key], content=content, base_revision=1)
    assert form.is_valid(), form.errors
    assert documents.differing(content, with_values(content, form.changes())) == []


def _sent(data: dict[str, str]) -> QueryDict:
    found = QueryDict(mutable=True)
    found.update(data)
    return found


# ---- differences --------------------------------------------------------------------------------


def test_metrics_are_compared_with_their_direction() -> None:
    before = with_values(
        documents.empty(),
        {"/evaluation/metrics": [{"name": "auc", "value": 0.9}, {"name": "loss", "value": 2}]},
    )
    after = with_values(
        documents.empty(),
        {"/evaluation/metrics": [{"name": "auc", "value": 0.95}, {"name": "loss", "value": 3}]},
    )
    (change,) = diffs.between(before, after)
    found = [(entry.name, entry.delta, entry.is_better) for entry in change.entries]
    assert found == [("auc", "+0.05", True), ("loss", "+1", False)]


def test_texts_are_compared_by_words() -> None:
    runs = diffs.words_between("One fine day.\nKept.\n", "One grey day.\nKept.\n")
    assert [(run.kind, run.text) for run in runs] == [
        ("same", "One "),
        ("removed", "fine "),
        ("added", "grey "),
        ("same", "day.\nKept.\n"),
    ]


def test_long_texts_are_compared_in_bounded_time() -> None:
    words = " ".join(f"w{n % 7}" for n in range(8_000))
    runs = diffs.words_between(words, words.replace("w3", "x") + "\nmore")
    assert {run.kind for run in runs} >= {"removed", "added"}


def test_lists_are_compared_by_name() -> None:
    before = with_values(documents.empty(), {"/limitations/risks": [{"name": "a"}, {"name": "b"}]})
    after = with_values(
        documents.empty(),
        {"/limitations/risks": [{"name": "b", "impact": "major"}, {"name": "c"}]},
    )
    (change,) = diffs.between(before, after)
    assert [(e.kind, e.name) for e in change.entries] == [
        ("removed", "a"),
        ("changed", "b"),
        ("added", "c"),
    ]
    assert change.entries[1].changes[0].name == "Impact"


def test_only_people_write_what_is_typed() -> None:
    typed_by = {field.source for section in SECTIONS for field in section.typed}
    assert typed_by == {Source.PERSON, Source.AUTO_OR_PERSON}
