"""An evaluation from the upload to the report by the REST API alone."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.registry.models import ModelVersion
from tests.builds.parts import drive
from tests.evaluations.conftest import CSV
from tests.evaluations.parts import REPORT

pytestmark = pytest.mark.django_db(transaction=True)
V1 = "/api/v1"


def as_person(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_the_whole_way_by_program(version: ModelVersion, data_scientist: User) -> None:
    client = as_person(data_scientist)
    sets = f"{V1}/projects/{version.model.project.slug}/data-sets"
    evaluations = f"{V1}/models/{version.model.name}/versions/{version.number}/evaluations"
    file = SimpleUploadedFile("holdout.csv", CSV)
    uploaded = client.post(sets, {"name": "holdout", "file": file}, format="multipart")
    assert (uploaded.status_code, uploaded.json()["columns"]) == (
        201,
        ["a", "region", "sex", "label"],
    )
    asked = {"data_set": uploaded.json()["id"], "kind": "binary", "target": "label", "seed": 5}

    started = client.post(evaluations, asked, format="json")
    path = f"{V1}/evaluations/{started.json()['id']}"
    assert (started.status_code, started.json()["run"]["state"]) == (201, "queued")
    assert client.get(f"{path}/report").status_code == 404
    drive()
    read = client.get(path).json()

    assert (read["run"]["state"], read["seed"]) == ("succeeded", 5)
    assert client.get(f"{path}/report").json() == REPORT
    assert [each["id"] for each in client.get(evaluations).json()["results"]] == [read["id"]]
    assert client.post(f"{path}/cancel").status_code == 409
    assert client.delete(f"{sets}/{asked['data_set']}").status_code == 204
    assert client.post(evaluations, asked, format="json").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x"}, 400),
        ({"name": "x", "content": "a,a\n1,2\n"}, 400),
        ({"name": "x", "content": '[{"a": 1, "b": 2}]', "format": "json"}, 201),
        ({"name": "x", "content": "a,b\n1,2\n", "format": "parquet"}, 400),
    ],
)
def test_text_is_taken_in_json_as_well(
    version: ModelVersion, data_scientist: User, body: dict[str, str], status: int
) -> None:
    sets = f"{V1}/projects/{version.model.project.slug}/data-sets"

    assert as_person(data_scientist).post(sets, body, format="json").status_code == status


def test_who_may_not_is_told_so_and_a_stranger_finds_nothing(
    version: ModelVersion, viewer: User, stranger: User
) -> None:
    sets = f"{V1}/projects/{version.model.project.slug}/data-sets"
    body = {"name": "x", "content": CSV.decode()}

    assert as_person(viewer).post(sets, body, format="json").status_code == 403
    assert as_person(stranger).post(sets, body, format="json").status_code == 404
    assert as_person(stranger).get(sets).status_code == 404
