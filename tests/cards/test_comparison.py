import pytest
from django.test import Client

from apps.accounts.models import User
from apps.cards import services
from apps.registry.models import ModelVersion, RegisteredModel
from tests import factories

METRICS = "/evaluation/metrics"


@pytest.fixture
def three(model: RegisteredModel, version: ModelVersion, data_scientist: User) -> RegisteredModel:
    for number, (auc, loss) in enumerate([(0.8, 0.3), (0.9, 0.4), (0.85, 0.2)]):
        one = version if not number else factories.make_version(model, by=data_scientist)
        services.edit_card(
            one,
            by=data_scientist,
            base_revision=1,
            changes={
                METRICS: [{"name": "auc", "value": auc}, {"name": "loss", "value": loss}],
                "/use/intended_use": f"Use {number}.",
            },
        )
    return model


def test_versions_stand_side_by_side_with_the_best_of_each_metric(
    three: RegisteredModel, viewer: User
) -> None:
    client = Client()
    client.force_login(viewer)
    answer = client.get(f"/models/{three.name}/compare", {"v": [1, 2, 3]})
    best = {row.name: row.best for row in answer.context["metrics"]}
    assert best == {"auc": 1, "loss": 2}
    page = answer.content.decode()
    assert all(f"Use {number}." in page for number in range(3))


def test_two_versions_are_compared_by_field(three: RegisteredModel, viewer: User) -> None:
    client = Client()
    client.force_login(viewer)
    answer = client.get(f"/models/{three.name}/compare", {"v": [1, 3]})
    changed = [change.field.pointer for change in answer.context["changes"]]
    assert changed == ["/overview/version", "/overview/registered_at", "/use/intended_use",
                       METRICS, "/provenance/mlflow", "/provenance/artifacts"]  # fmt: skip


@pytest.mark.parametrize("query", [{"v": [1, 99]}, {"v": ["x", "99"]}])
def test_a_version_that_is_not_there_is_said_so(
    three: RegisteredModel, viewer: User, query: dict[str, list[int]]
) -> None:
    client = Client()
    client.force_login(viewer)
    assert client.get(f"/models/{three.name}/compare", query).status_code == 404


def test_strangers_compare_nothing(three: RegisteredModel, stranger: User) -> None:
    client = Client()
    client.force_login(stranger)
    assert client.get(f"/models/{three.name}/compare", {"v": [1, 2]}).status_code == 404
