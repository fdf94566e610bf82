"""Finding cards by what they say, within what the person may read."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from apps.access import services as access
from apps.accounts.models import User
from apps.cards import checks, services
from apps.cards.models import IndexedCard
from apps.cards.search import finding, index
from apps.cards.search.asking import Question, question
from apps.cards.search.finding import Hidden
from apps.core.errors import Invalid
from apps.outbox.services import sweep
from apps.projects.models import Project
from apps.registry import services as registry
from apps.registry.models import ModelVersion
from apps.stages.models import Placement, Stage
from tests import factories

NOTHING_HIDDEN = Hidden()
SEARCH = "/cards/search"
REST = "/api/v1/cards/search"


def write(version: ModelVersion, **values: Any) -> None:
    """Fields of the card, as use__intended_use, by whoever registered the version."""
    changes = {f"/{name.replace('__', '/')}": value for name, value in values.items()}
    newest = version.card_revisions.order_by("-number").first()
    assert newest is not None
    services.edit_card(
        version, by=version.registered_by, base_revision=newest.number, changes=changes
    )


def found(user: User, hidden: Hidden = NOTHING_HIDDEN, **asked: Any) -> list[str]:
    """What answers, as "model version", in its order."""
    return names(question(asked), user, hidden)


def names(asked: Question, user: User, hidden: Hidden) -> list[str]:
    keys = finding.Answer(finding.versions_of(user, asked), asked, hidden)[:]
    by_key = ModelVersion.objects.select_related("model").in_bulk(keys)
    return [f"{by_key[key].model.name} {by_key[key].number}" for key in keys]


def offered(asked: Question, user: User, hidden: Hidden) -> dict[str, list[finding.Offer]]:
    versions = finding.versions_of(user, asked)
    return finding.offers(versions, asked, hidden, finding.Answer(versions, asked, hidden))


@pytest.fixture
def cards(project: Project, data_scientist: User) -> dict[str, ModelVersion]:
    """A scoring of loans, two versions of one of fraud, and a model that says little."""
    made = {}
    for name in ("loan-scoring", "fraud_watch", "plain"):
        model = factories.make_model(project, name, by=data_scientist)
        made[name] = factories.make_version(model, by=data_scientist)
    write(
        made["loan-scoring"],
        overview__summary="Ranks loans for a manual review.",
        overview__task="tabular-classification",
        overview__owner={"name": "Credit Risk"},
        classification__risk_tier="high",
        data__datasets=[{"name": "Loans 2026", "role": "training"}],
        use__out_of_scope="Companies. Loans that are out of scope need a person.",
        evaluation__metrics=[
            {"name": "AUC", "value": 0.91},
            {"name": "AUC", "value": 0.4, "slice": "women"},
        ],
        security__threats_and_controls="The vault is called Nightingale.",
        custom__values={"cost centre": "Zürich 4711"},
    )
    write(
        made["fraud_watch"],
        overview__summary="Watches card payments.",
        classification__risk_tier="medium",
        evaluation__metrics=[{"name": "auc", "value": 0.7}],
        limitations__limitations=["Scope: loans are not covered; a review is."],
    )
    made["fraud_watch 2"] = factories.make_version(made["fraud_watch"].model, by=data_scientist)
    write(made["fraud_watch 2"], overview__summary="Watches payments by telephone.")
    return made


def test_words_phrases_beginnings_and_what_must_not_be_there(
    cards: dict[str, ModelVersion], viewer: User
) -> None:
    asked = {
        "loan": ["loan-scoring 1", "fraud_watch 1"],  # a name says more than a limitation
        "LOANS review": ["loan-scoring 1", "fraud_watch 1"],  # in different sections
        '"out of scope"': ["loan-scoring 1"],
        '"scope out of"': [],
        "loan -telephone": ["loan-scoring 1", "fraud_watch 1"],
        "-loan -plain": ["fraud_watch 2"],
        "watch* -card": ["fraud_watch 2"],
        "fraud-watch": ["fraud_watch 2", "fraud_watch 1"],
        "zürich": ["loan-scoring 1"],
        "ZU\u0308RICH 47*": ["loan-scoring 1"],
        '"cost centre" 4711': ["loan-scoring 1"],
        "datasets": [],  # a word of the schema and not of the card
    }
    assert {query: found(viewer, q=query, versions="all") for query in asked} == asked
    assert found(viewer, q="card") == []  # the newest version says nothing of it
    assert found(viewer, q="watch", sort="newest") == ["fraud_watch 2"]


def test_filters_and_metrics(
    cards: dict[str, ModelVersion], viewer: User, staging: Stage, stranger: User
) -> None:
    Placement.objects.create(version=cards["fraud_watch"], stage=staging)
    questions: list[tuple[dict[str, Any], list[str]]] = [
        ({"risk_tier": "HIGH"}, ["loan-scoring 1"]),
        ({"owner": "credit risk", "task": "Tabular-Classification"}, ["loan-scoring 1"]),
        ({"data_set": "loans 2026", "q": "payments"}, []),
        ({"stage": "staging"}, ["fraud_watch 1"]),
        ({"project": "credit", "risk_tier": "medium"}, ["fraud_watch 1"]),
        ({"project": "elsewhere"}, []),
        ({"metric": "auc"}, ["fraud_watch 1", "loan-scoring 1"]),
        ({"metric": "Auc", "at_least": "0.9"}, ["loan-scoring 1"]),
        # What holds for a slice only is none of the model's metrics.
        ({"metric": "auc", "at_most": 0.5}, []),
    ]
    answers = [found(viewer, versions="all", **asked) for asked, _ in questions]
    assert answers == [expected for _, expected in questions]
    assert found(stranger, versions="all") == []

    asked = question({"versions": "all", "risk_tier": "high"})
    offers = offered(asked, viewer, NOTHING_HIDDEN)
    told = {name: [(one.value, one.count) for one in offers[name]] for name in offers}
    assert told["risk_tier"] == [("high", 1), ("medium", 1)]
    assert told["data_set"] == [("loans 2026", 1)]
    assert (told["stage"], told["metric"]) == ([], [("AUC", 1)])


@pytest.mark.parametrize("everywhere", [True, False], ids=["everywhere", "in one project"])
def test_hidden_sections_are_not_found_counted_excluded_or_ranked_by(
    cards: dict[str, ModelVersion], viewer: User, project: Project, everywhere: bool
) -> None:
    keys = frozenset({"security", "classification", "overview", "evaluation", "data"})
    hidden = Hidden(keys) if everywhere else Hidden(by_project={project.pk: keys})
    elsewhere = Hidden(by_project={project.pk + 1: keys})
    for asked in (
        {"q": "Nightingale"},
        {"q": "nightin*"},
        {"q": '"is called nightingale"'},
        {"risk_tier": "high"},
        {"owner": "credit risk"},
        {"data_set": "loans 2026"},
        {"metric": "auc", "at_least": "0.9"},
    ):
        assert found(viewer, elsewhere, **asked) == found(viewer, **asked) == ["loan-scoring 1"]
        assert found(viewer, hidden, **asked) == []
    # Not found means not excluded either, and the order does not tell.
    everything = found(viewer, hidden, versions="all")
    assert found(viewer, hidden, versions="all", q="-Nightingale") == everything
    assert found(viewer, hidden, versions="all", q="review") == ["fraud_watch 1"]
    asked = question({"versions": "all"})
    offers = offered(asked, viewer, hidden)
    assert {name for name, told in offers.items() if told} == {"project"}
    # The sections of the model that one may read are found as before.
    assert found(viewer, hidden, q="companies") == ["loan-scoring 1"]


def test_the_index_follows_edits_names_and_deletions(
    cards: dict[str, ModelVersion], viewer: User, owner: User
) -> None:
    version = cards["loan-scoring"]
    write(version, security__threats_and_controls="None.", classification__risk_tier="low",
          evaluation__metrics=None)  # fmt: skip
    assert found(viewer, q="nightingale") == found(viewer, risk_tier="high") == []
    assert found(viewer, metric="auc") == []
    registry.rename_model(version.model, name="credit-ranking", by=owner)
    sweep()
    assert found(viewer, q='"credit ranking"') == ["credit-ranking 1"]
    assert found(viewer, q='"loan scoring"') == []
    registry.delete_version(cards["fraud_watch 2"], by=owner)
    assert found(viewer, q="telephone", versions="all") == []
    assert found(viewer, q="fraud watch") == ["fraud_watch 1"]
    with connection.cursor() as cursor:
        ModelVersion.objects.filter(pk=-1).delete()
        cursor.execute("DELETE FROM cards_cardtext WHERE version_id = %s", [version.pk])
    assert found(viewer, q="companies") == []


def test_what_the_index_does_not_know_is_said_and_made_up_for(
    cards: dict[str, ModelVersion], viewer: User
) -> None:
    assert checks.all_cards_are_indexed(databases=["default"]) == []
    IndexedCard.objects.filter(version=cards["plain"]).update(format=0)
    newest = cards["fraud_watch 2"].card_revisions.first()
    assert newest is not None
    newest.pk, newest.number = None, newest.number + 1
    newest.content = {"overview": {"summary": "Copied in by hand."}, "own_part": {"a": ["Ruby 3"]}}
    newest.save()
    (warning,) = checks.all_cards_are_indexed(databases=["default"])
    assert (warning.id, "2 versions" in warning.msg) == ("cards.W001", True)
    assert index.catch_up() == 2
    assert index.catch_up() == 0
    # Sections that the schema does not know are found as well.
    assert found(viewer, q="ruby hand") == ["fraud_watch 2"]
    assert found(viewer, q="telephone") == []
    assert index.catch_up(everything=True) == 4
    assert checks.all_cards_are_indexed(databases=["default"]) == []


def test_rules_and_limited_tokens_hide_cards(
    cards: dict[str, ModelVersion], viewer: User, administrator: User
) -> None:
    access.create_rule(
        name="No fraud", effect="deny", actions=["view"], by=administrator,
        conditions=['version.number is 2'],
    )  # fmt: skip
    assert found(viewer, q="telephone") == []
    # The newest that the person sees is the newest for him.
    assert found(viewer, q="watch") == ["fraud_watch 1"]


def test_the_page_shows_escaped_excerpts_that_lead_to_the_field(
    cards: dict[str, ModelVersion], viewer: User
) -> None:
    write(cards["plain"], use__intended_use="A <script>alert(1)</script> of <b>Loans</b> & more.")
    client = Client()
    client.force_login(viewer)
    answer = client.get(SEARCH, {"q": "loans script", "risk_tier": ""})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "A &lt;<mark>script</mark>&gt;alert(1)" in page
    assert "&lt;b&gt;<mark>Loans</mark>&lt;/b&gt; &amp; more." in page
    assert '/models/plain/versions/1#use-intended_use"' in page
    assert "1 card" in page
    # Nothing fits: the word that is to blame is named, and what would be found without the filter.
    page = client.get(SEARCH, {"q": "loan quicksilver"}).content.decode()
    assert "“quicksilver” stands on no card" in page
    page = client.get(SEARCH, {"q": "loans", "risk_tier": "medium"}).content.decode()
    assert "?q=loans" in page
    assert "without the filters" in page
    # Up to four of the ticked ones are compared, of one model on its own page.
    two = client.get("/cards/compare", {"card": ["plain:1", "loan-scoring:1"]})
    assert two.status_code == 200
    assert "loan-scoring v1" in two.content.decode()
    one_model = client.get("/cards/compare", {"card": ["fraud_watch:1", "fraud_watch:2"]})
    assert one_model["Location"] == "/models/fraud_watch/compare?v=1&v=2"
    assert client.get("/cards/compare", {"card": ["plain:1", "nothing:1"]}).status_code == 404
    many = client.get("/cards/compare", {"card": [f"plain:{number}" for number in range(1, 6)]})
    assert many.status_code == 422


def test_programs_ask_the_same_with_a_token(cards: dict[str, ModelVersion], viewer: User) -> None:
    client = APIClient()
    client.force_authenticate(viewer)
    asked = {"q": "loans", "metric": "auc", "versions": "all", "page_size": 1}
    answer = client.get(REST, asked).json()
    assert (answer["count"], len(answer["results"])) == (2, 1)
    (first,) = answer["results"]
    assert {key: first[key] for key in ("model", "number", "risk_tier", "owner", "also_in")} == {
        "model": "loan-scoring",
        "number": 1,
        "risk_tier": "high",
        "owner": "Credit Risk",
        "also_in": ["data", "use"],
    }
    (excerpt,) = first["excerpts"]
    assert excerpt["pointer"] == "/overview/summary"
    assert [piece["text"] for piece in excerpt["pieces"] if piece["is_found"]] == ["loans"]
    assert first["metrics"] == [{"name": "AUC", "value": 0.91}]


ODD = [
    {"q": "*"}, {"q": "!!! --- \"\""}, {"q": "a*"}, {"q": "x" * 501}, {"q": "a\x00b"},
    {"q": " ".join(["word"] * 21)}, {"metric": "auc", "at_least": "many"},
    {"metric": "auc", "at_least": "nan"}, {"metric": "auc", "at_most": "1e999"},
    {"metric": "auc", "at_least": "2", "at_most": "1"}, {"at_least": "1"}, {"sort": "size"},
    {"owner": "x" * 300}, {"owner": "a\x00b"},
]  # fmt: skip
FINE = [
    "OR AND NOT", "NEAR(a b)", "words:fraud", "^loan", "a & b | !c", "'; DROP TABLE x --", "loan:*",
    '"unfinished', "(((", "-" * 400, "loan " + "-" * 200, "loan<->fraud", "\\", "1e5 0x1f 3.14",
    "½ ﬁ Straße 信用 हिन्दी 🤖", "%", "_", "x" * 480,
]  # fmt: skip


def test_odd_questions_are_answered_or_refused_in_words(
    cards: dict[str, ModelVersion], viewer: User
) -> None:
    for asked in ODD:
        with pytest.raises(Invalid) as refusal:
            question(asked)
        assert refusal.value.details.keys() <= asked.keys() | {"metric"}, asked
    for query in FINE:
        found(viewer, q=f"{query} -whatever")
    browser, program = Client(), APIClient()
    browser.force_login(viewer)
    program.force_authenticate(viewer)
    asked = {"q": "*", "metric": "auc", "at_least": "<b>many"}
    page = browser.get(SEARCH, asked)
    assert page.status_code == 422
    for wrong in ({"q": "*"}, {"metric": "auc", "at_least": "1e999"}, {"at_most": 1}):
        rest = program.get(REST, wrong)
        assert (rest.status_code, rest.json()["code"]) == (400, "invalid")
        assert rest.json()["details"].keys() <= {"q", "at_least", "metric"}
    text = page.content.decode()
    assert "There is no word in the question." in text
    assert "Write a number, such as 0.9" in text
    assert 'value="&lt;b&gt;many"' in text
    assert browser.get(SEARCH, {"q": "a\x00b"}).status_code == 400


def test_a_card_as_large_as_they_come_is_indexed(
    cards: dict[str, ModelVersion], viewer: User
) -> None:
    words = " ".join(f"{number:x}q" for number in range(14_000))
    assert len(words) < 100_000
    write(cards["plain"], overview__description=words, use__intended_use="Last of all.",
          custom__values={f"key {n}": " ".join(f"{n}z{m:x}" for m in range(1200))
                          for n in range(110)})  # fmt: skip
    assert found(viewer, q="36afq last") == ["plain 1"]
