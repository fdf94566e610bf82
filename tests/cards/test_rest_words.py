import pytest
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.registry.models import ModelVersion
from mlgov.demo.words import CARD


@pytest.mark.django_db
def test_a_whole_card_is_written_over_rest(version: ModelVersion, data_scientist: User) -> None:
    client = APIClient()
    client.force_authenticate(data_scientist)
    address = f"/api/v1/models/{version.model.name}/versions/{version.number}/card"
    asked = {"changes": CARD, "base_revision": 1, "reason": "First words"}
    answer = client.put(address, asked, format="json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["content"]["use"]["decision_role"] == "informs-a-person"
    missing = client.get(f"{address}/missing").json()
    assert {"/use/intended_use", "/overview/summary"}.isdisjoint(m["pointer"] for m in missing)
