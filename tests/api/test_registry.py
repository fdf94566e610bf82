"""Models, versions, cards, artifacts and stages through the REST API."""

from html import unescape

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.projects.models import Project, ReviewerRole
from apps.registry import storage
from apps.registry.models import Artifact, Lineage, ModelVersion, RegisteredModel
from apps.stages.models import Stage, StageOverride
from apps.tracking.models import ArtifactStore, TrackingServer
from tests import factories
from tests.api.conftest import Clients

VERSION = "/api/v1/models/scoring/versions/1"


@pytest.fixture
def artifact_store(settings, tmp_path):
    settings.MLGOV_DATA_DIR = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "artifacts": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "artifacts"},
        },
    }


def test_a_version_is_shown_with_its_stage(
    as_person: Clients, viewer: User, version: ModelVersion, staging: Stage
):
    version.placement = staging.placements.create(version=version)
    answer = as_person(viewer).get(VERSION)

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["model"], shown["number"], shown["state"], shown["stage"]) == (
        "scoring",
        1,
        "READY",
        "staging",
    )
    assert shown["registered_by"] == {"username": "scientist", "name": "Scientist"}
    assert (shown["project"], shown["url"]) == (
        "credit",
        "http://127.0.0.1:8000/models/scoring/versions/1",
    )
    listed = as_person(version.registered_by).get("/api/v1/models/scoring/versions").json()
    assert listed["results"] == [{key: shown[key] for key in listed["results"][0]}]


def test_a_version_says_on_which_server_or_in_which_store_it_was_read(
    as_person: Clients, client: Client, viewer: User, version: ModelVersion, data_scientist: User
):
    store = ArtifactStore.objects.create(slug="team-a", name="Team A", root="s3://models/a")
    server = TrackingServer.objects.create(slug="team", name="Team", url="https://t.example.org")
    model = version.model
    factories.make_version(model, by=data_scientist, store=store)
    factories.make_version(model, by=data_scientist, tracking_server=server)
    factories.make_version(model, by=data_scientist, copied_from=version)
    expected = {
        1: (None, None, "mlgov's own tracking server"),
        2: (None, "team-a", "the store Team A (s3://models/a)"),
        3: ("team", None, "the tracking server Team (https://t.example.org)"),
        4: (None, None, "scoring v1, of which it is a copy"),
    }
    client.force_login(viewer)
    program = as_person(viewer)
    for number, (tracking_server, store_slug, words) in expected.items():
        shown = program.get(f"/api/v1/models/scoring/versions/{number}").json()
        assert (shown["tracking_server"], shown["store"]) == (tracking_server, store_slug)
        page = client.get(f"/models/scoring/versions/{number}").content.decode()
        assert words in unescape(page)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/versions",
        "/versions/1",
        "/versions/1/card",
        "/versions/1/card/revisions",
        "/versions/1/artifacts",
        "/versions/1/artifacts/MLmodel",
        "/versions/1/lineage",
        "/versions/1/reviews",
    ],
)
def test_strangers_find_nothing_of_a_model(
    as_person: Clients, stranger: User, version: ModelVersion, path: str
):
    answer = as_person(stranger).get(f"/api/v1/models/scoring{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_model_is_made_in_a_project_by_whoever_may_register(
    as_person: Clients, data_scientist: User, viewer: User
):
    body = {"name": "churn", "project": "credit", "description": "Who leaves."}
    made = as_person(data_scientist).post("/api/v1/models", body, format="json")
    refused = as_person(viewer).post("/api/v1/models", {**body, "name": "other"}, format="json")

    assert made.status_code == 201
    assert {key: made.json()[key] for key in body} == body
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    assert list(RegisteredModel.objects.values_list("name", flat=True)) == ["churn"]


def test_models_are_found_by_project_and_by_name(
    as_person: Clients, owner: User, project: Project, model: RegisteredModel
):
    factories.make_model(project, "scoring-eu")
    factories.make_model(factories.make_project("other", owner=owner), "scoring-us")
    client = as_person(owner)

    def found(**query: str) -> list[str]:
        return [m["name"] for m in client.get("/api/v1/models", query).json()["results"]]

    assert found() == ["scoring", "scoring-eu", "scoring-us"]
    assert found(project="credit") == ["scoring", "scoring-eu"]
    assert found(search="US") == ["scoring-us"]


def test_lists_cost_the_same_number_of_queries_whatever_their_length(
    as_person: Clients, owner: User, version: ModelVersion, django_assert_num_queries
):
    client = as_person(owner)
    client.get("/api/v1/models/scoring/versions")

    with django_assert_num_queries(9, exact=False) as few:
        client.get("/api/v1/models/scoring/versions")
    for _ in range(2):
        factories.make_version(version.model, by=owner)
    version.model.refresh_from_db()
    with django_assert_num_queries(len(few.captured_queries)):
        assert client.get("/api/v1/models/scoring/versions").json()["count"] == 3


def test_a_card_is_edited_on_top_of_what_was_read(
    as_person: Clients, data_scientist: User, version: ModelVersion
):
    client = as_person(data_scientist)
    path = f"{VERSION}/card"
    assert client.get(path).json()["revision"] == 1

    body = {"description": "# For whom\n", "base_revision": 1, "reason": "first words"}
    saved = client.put(path, body, format="json")
    late = client.put(path, {**body, "description": "mine"}, format="json")

    assert (saved.json()["revision"], saved.json()["description"]) == (2, "# For whom\n")
    assert (late.status_code, late.json()["code"]) == (409, "edited_meanwhile")
    assert late.json()["details"] == {
        "revision": 2,
        "fields": ["/overview/description"],
    }
    revisions = client.get(f"{path}/revisions").json()["results"]
    assert [r["revision"] for r in revisions] == [2, 1]


def test_a_viewer_reads_the_card_only(as_person: Clients, viewer: User, version: ModelVersion):
    answer = as_person(viewer).put(
        f"{VERSION}/card", {"description": "x", "base_revision": 1}, format="json"
    )
    assert answer.status_code == 403


def test_a_stored_file_is_downloaded_as_an_attachment(
    as_person: Clients, viewer: User, version: ModelVersion, artifact_store
):
    page = b"<script>alert(1)</script>"
    blob = storage.save([page], limit=100)
    Artifact.objects.create(
        version=version, path="docs/Über uns.html", size=blob.size, sha256=blob.sha256
    )
    client = as_person(viewer)
    answer = client.get(
        f"{VERSION}/artifacts/docs/%C3%9Cber%20uns.html", HTTP_ACCEPT="application/octet-stream"
    )

    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == page
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == "attachment; filename*=utf-8''%C3%9Cber%20uns.html"
    assert answer["Content-Length"] == str(len(page))
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]


def test_a_file_that_is_not_listed_or_has_gone_is_said_so(
    as_person: Clients, viewer: User, version: ModelVersion, artifact_store
):
    client = as_person(viewer)
    unknown = client.get(f"{VERSION}/artifacts/../../etc/passwd")
    gone = client.get(f"{VERSION}/artifacts/MLmodel")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert (gone.status_code, gone.json()["code"]) == (503, "store_failed")


def test_lineage_is_there_once_it_was_read(as_person: Clients, viewer: User, version: ModelVersion):
    client = as_person(viewer)
    assert client.get(f"{VERSION}/lineage").status_code == 404
    Lineage.objects.create(version=version, document={"parameters": {"depth": "3"}})
    answer = client.get(f"{VERSION}/lineage")
    assert answer.json()["document"] == {"parameters": {"depth": "3"}}


def test_a_project_asks_more_than_a_stage_does_and_never_less(
    as_person: Clients, owner: User, project: Project, staging: Stage, risk_role: ReviewerRole
):
    client = as_person(owner)
    stages = "/api/v1/projects/credit/stages"
    path = f"{stages}/staging/override"
    assert [
        (s["slug"], s["is_overridden"], s["policy"]["approvals_required"])
        for s in client.get(stages).json()["results"]
    ] == [("staging", False, 2)]

    weaker = client.put(path, {"approvals_required": 1}, format="json")
    stricter = client.put(path, {"approvals_required": 3, "extra_roles": ["risk"]}, format="json")

    assert (weaker.status_code, weaker.json()["code"]) == (400, "weaker")
    assert stricter.json()["policy"] == {
        "approvals_required": 3,
        "roles": [{"slug": "domain", "name": "Domain"}, {"slug": "risk", "name": "Risk"}],
        "source": {"approvals_required": "project", "roles": "global"},
        "needs_review": True,
    }
    assert client.delete(path).status_code == 204
    assert not StageOverride.objects.exists()
    assert client.delete(path).status_code == 404


def test_a_stage_without_a_review_is_entered_by_a_move(
    as_person: Clients, owner: User, version: ModelVersion, staging: Stage, archived: Stage
):
    client = as_person(owner)
    refused = client.post(f"{VERSION}/move", {"stage": "staging"}, format="json")
    moved = client.post(f"{VERSION}/move", {"stage": "archived"}, format="json")
    unknown = client.post(f"{VERSION}/move", {"stage": "moon"}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (403, "review_required")
    assert (moved.status_code, moved.json()["stage"], moved.json()["move"]) == (
        200,
        "archived",
        version.moves.get().pk,
    )
    assert unknown.status_code == 404


def test_an_environments_credentials_are_never_given_out(as_person: Clients, owner: User):
    factories.make_environment(
        "staging", registry_username="robot", registry_password="hush", options={"token": "hush"}
    )
    client = as_person(owner)

    for path in ("/api/v1/environments", "/api/v1/environments/staging"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "hush" not in answer.content.decode()
