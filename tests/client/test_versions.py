"""Who one is, how versions are found, where they stand, and their cards."""

import json

import pytest

from apps.accounts.models import User
from apps.cards import services as cards
from apps.registry.models import Lineage, ModelVersion
from apps.reviews.models import ReviewRequest
from apps.stages.models import Stage
from mlgov_client import Card, Client, Misused, VersionDetails, as_dict
from tests import factories
from tests.people import AskForReview

pytestmark = pytest.mark.django_db(transaction=True)


def test_whoami(client: Client, served: str):
    person = client.whoami()

    assert (person.username, person.email, person.groups) == (
        "scientist",
        "scientist@example.org",
        (),
    )


def test_versions_are_found_by_alias_and_as_the_latest(
    client: Client, version: ModelVersion, data_scientist: User
):
    factories.make_version(version.model, by=data_scientist)
    version.model.aliases.create(name="champion", version=version)

    assert client.version("models:/scoring@Champion").number == 1
    assert client.version("scoring/latest").number == 2
    with pytest.raises(Misused, match=r"no alias “live”\. Its aliases: champion"):
        client.version("scoring@live")


def test_the_status_holds_stage_reviews_and_deployments(
    client: Client, review: ReviewRequest, version: ModelVersion, served: str
):
    status = client.version("scoring", 1).status()

    found = status.version
    assert isinstance(found, VersionDetails)
    assert (found.project, found.model, found.number, found.state, found.stage, found.move) == (
        "credit",
        "scoring",
        1,
        "READY",
        None,
        None,
    )
    assert found.url.endswith("/models/scoring/versions/1")
    assert [(r.id, r.stage, r.state) for r in status.reviews] == [(review.pk, "staging", "open")]
    assert status.deployments == ()
    assert json.loads(json.dumps(as_dict(status)))["reviews"][0]["id"] == review.pk


def test_of_each_stage_the_newest_review_counts(
    client: Client,
    ask_for_review: AskForReview,
    version: ModelVersion,
    staging: Stage,
    data_scientist: User,
):
    first = ask_for_review(version)
    first.state = "withdrawn"
    first.save(update_fields=["state"])
    second = ask_for_review(version)

    asked = client.version("scoring", 1)
    assert [row.id for row in asked.reviews()] == [second.pk, first.pk]
    assert [row.id for row in asked.status().reviews] == [second.pk]


def test_a_card_is_fetched_with_its_lineage_and_saved(
    client: Client, version: ModelVersion, data_scientist: User, tmp_path
):
    text = "## Purpose\n\nScores *applications*, a | b.\n"
    cards.edit_card(
        version, by=data_scientist, changes={"/overview/description": text}, base_revision=1
    )
    document = {
        "parameters": {"depth": "3", "with|bar": "two\nlines"},
        "metrics": [{"name": "auc", "value": 0.91, "step": 0, "dataset": "june"}],
        "datasets": [{"name": "june", "digest": "ab12", "rows": 1000, "context": "training"}],
        "source": {"name": "train.py", "git_commit": "c0ffee"},
        "run": {"id": "r1", "name": "calm-hen", "experiment": "scoring"},
    }
    Lineage.objects.create(version=version, document=document)

    card = client.version("scoring", 1).card()

    assert isinstance(card, Card)
    assert (card.revision, card.author, card.lineage) == (2, "scientist", document)
    assert card.description.strip() == text.strip()
    markdown = card.markdown
    assert markdown.startswith(
        "# scoring, version 1\n\n|  |  |\n| --- | --- |\n| Project | credit |"
    )
    for line in (
        "## Purpose\n\nScores *applications*, a | b.",
        "| auc | 0.91 | june |",
        "| june | training | 1000 | ab12 |",
        "| with\\|bar | two lines |",
        "| Code | train.py c0ffee |",
    ):
        assert line in markdown
    assert card.save(tmp_path / "card.md").read_text() == markdown
    assert json.loads(card.save(tmp_path / "card.json").read_text())["lineage"] == document


def test_a_card_without_lineage_says_nothing_of_it(client: Client, version: ModelVersion):
    card = client.version("scoring", 1).card()

    assert (card.revision, card.lineage) == (1, {})
    assert "## Metrics" not in card.markdown
