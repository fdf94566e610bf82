"""Tokens that are limited to actions or projects, through REST and MLflow's protocol."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.limits import ASKED_FOR, CONSEQUENCES
from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.projects.models import Project
from apps.projects.tokens import ALL_ACTIONS, PRESETS, create_token
from apps.registry.models import ModelVersion, RegisteredModel
from apps.reviews.models import ReviewRequest
from apps.web.activity import TOLD
from tests import factories
from tests.api.world import World

Limited = Callable[..., APIClient]
MODELS = "/api/2.0/mlflow/registered-models"
VERSIONS = "/api/2.0/mlflow/model-versions"


@pytest.fixture
def limited(db: None) -> Limited:
    """`limited(user, actions=…, projects=…)` sends a token of the person with these limits."""

    def client_of(user: User, **limits: Any) -> APIClient:
        name = f"token {user.access_tokens.count()}"
        client = APIClient()
        _, secret = create_token(user, name=name, by=user, **limits)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return client_of


@pytest.fixture
def elsewhere(owner: User) -> RegisteredModel:
    """A model in another project of the owner."""
    project = factories.make_project("other", owner=owner)
    model = factories.make_model(project, "churn")
    factories.make_version(model, by=owner)
    return model


def of_world(world: World) -> list[str]:
    model = f"models/{world.version.model.name}"
    version = f"{model}/versions/{world.version.number}"
    endpoint = f"endpoints/{world.project.slug}/scoring-staging"
    project = f"projects/{world.project.slug}"
    return [
        project, f"{project}/members", f"{project}/stages", f"{project}/name-prefixes",
        f"{project}/label-rules", model, f"{model}/versions", version, f"{version}/artifacts",
        f"{version}/lineage", f"{version}/card", f"{version}/card/revisions",
        f"{version}/comments", f"{version}/reviews", f"reviews/{world.review.pk}", endpoint,
        f"{endpoint}/keys", f"deployments/{world.deployment.pk}", f"runs/{world.run.pk}",
        f"runs/{world.run.pk}/log",
    ]  # fmt: skip


LISTS = ["projects", "models", "reviews", "endpoints", "deployments", "runs", "activity"]


@pytest.mark.parametrize("username", ["owner", "administrator", "auditor", "infrastructure"])
def test_outside_its_projects_nothing_exists_for_a_token(
    world: World, elsewhere: RegisteredModel, limited: Limited, administrator: User, username: str
) -> None:
    for name, group in (
        ("auditor", "auditors"), ("infrastructure", "infrastructure-admins")
    ):  # fmt: skip
        factories.make_user(name).groups.create(name=group)
    user = User.objects.get(username=username)
    everywhere = limited(user)
    only_other = limited(user, projects=["other"])

    for path in of_world(world):
        assert everywhere.get(f"/api/v1/{path}").status_code in (200, 403), path
        assert only_other.get(f"/api/v1/{path}").status_code == 404, path
    for path in LISTS:
        assert _count(everywhere, path) > _count(only_other, path), path
        assert "credit" not in only_other.get(f"/api/v1/{path}").content.decode(), path
    assert only_other.get("/api/v1/models/churn").status_code == 200


def _count(client: APIClient, path: str) -> int:
    found = client.get(f"/api/v1/{path}").json()
    return len(found["results"])


def test_mlflow_finds_and_counts_only_what_is_in_the_tokens_projects(
    version: ModelVersion, elsewhere: RegisteredModel, limited: Limited, owner: User
) -> None:
    # First without limits, so that every statement that is kept is kept by now.
    whole, only_other = limited(owner), limited(owner, projects=["other"])
    asked = [
        (f"{MODELS}/get", {"name": "scoring"}),
        (f"{VERSIONS}/get", {"name": "scoring", "version": "1"}),
        (f"{VERSIONS}/get-download-uri", {"name": "scoring", "version": "1"}),
        (f"{MODELS}/get-latest-versions", {"name": "scoring"}),
    ]
    for _ in range(2):
        assert [whole.get(path, values).status_code for path, values in asked] == [200] * 4
        assert [only_other.get(path, values).status_code for path, values in asked] == [404] * 4
        for client, names in ((whole, {"churn", "scoring"}), (only_other, {"churn"})):
            models = client.get(f"{MODELS}/search").json()["registered_models"]
            versions = client.get(f"{VERSIONS}/search").json()["model_versions"]
            assert {found["name"] for found in models} == names
            assert {found["name"] for found in versions} == names
        found = only_other.get(f"{VERSIONS}/search", {"filter": "name='scoring'"}).json()
        assert found == {}
    assert only_other.get(f"{MODELS}/get", {"name": "churn"}).status_code == 200
    refused = _post(only_other, f"{MODELS}/set-tag", name="scoring", key="a", value="b")
    assert refused.status_code == 404


def _post(client: APIClient, path: str, **values: Any) -> Any:
    return client.post(path, json.dumps(values), content_type="application/json")


def test_a_token_for_reading_changes_nothing(
    world: World, limited: Limited, owner: User, reviewer: User
) -> None:
    reading = limited(owner, actions=PRESETS["read"])
    before = AuditEvent.objects.count()
    version = f"models/{world.version.model.name}/versions/1"
    calls = [
        ("post", "projects", {"slug": "new", "name": "New"}),
        ("patch", f"projects/{world.project.slug}", {"name": "Other"}),
        ("put", f"projects/{world.project.slug}/members/reviewer", {"role": "viewer"}),
        ("post", f"{version}/comments", {"text": "Mine."}),
        ("post", f"reviews/{world.review.pk}/withdraw", {"reason": "No."}),
        ("post", f"deployments/{world.deployment.pk}/retry", {}),
        ("post", "tokens", {"name": "mine"}),
        ("delete", f"tokens/{world.token}", {}),
        ("get", "tokens", {}),
        ("get", "notifications", {}),
        ("post", "notifications/read", {}),
    ]
    for method, path, body in calls:
        answer = getattr(reading, method)(f"/api/v1/{path}", body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "token_limited"), path
    for path, values in (
        (f"{MODELS}/create", {"name": "new"}),
        (f"{MODELS}/set-tag", {"name": "scoring", "key": "a", "value": "b"}),
    ):
        assert _post(reading, path, **values).status_code == 403
    assert AuditEvent.objects.count() == before
    assert reading.get(f"/api/v1/{version}").status_code == 200


def test_within_its_projects_a_token_does_all_that_its_person_may(
    world: World, limited: Limited, owner: User, viewer: User
) -> None:
    client = limited(owner, projects=["credit"])
    version, project = "models/scoring/versions/1", f"projects/{world.project.slug}"
    label, kind = {"kind": "alias", "pattern": "prod*", "roles": ["owner"]}, "application/json"
    for method, path, body in (
        ("post", f"{version}/comments", {"text": "Mine."}),
        ("patch", project, {"name": "Other"}),
        ("put", f"{project}/members/viewer", {"role": "reviewer"}),
        ("post", f"{project}/name-prefixes", {"prefix": "credit-"}),
        ("post", f"{project}/label-rules", label),
        ("post", "endpoints/credit/scoring-staging/keys", {"name": "one"}),
        ("post", f"reviews/{world.review.pk}/comments", {"text": "Hm."}),
        ("post", f"reviews/{world.review.pk}/withdraw", {"reason": "Later."}),
    ):
        answer = getattr(client, method)(f"/api/v1/{path}", body, format="json")
        assert answer.status_code in (200, 201), (path, answer.content)
    for path, values in (
        (f"{MODELS}/create", {"name": "fresh"}),
        (f"{MODELS}/set-tag", {"name": "fresh", "key": "a", "value": "b"}),
        (f"{MODELS}/rename", {"name": "fresh", "new_name": "stale"}),
        (f"{VERSIONS}/set-tag", {"name": "scoring", "version": "1", "key": "a", "value": "b"}),
        (f"{MODELS}/alias", {"name": "scoring", "alias": "good", "version": "1"}),
    ):
        assert _post(client, path, **values).status_code == 200, path
    gone = client.delete(f"{MODELS}/delete", json.dumps({"name": "stale"}), content_type=kind)
    assert gone.status_code == 200
    elsewhere = {"slug": "new", "name": "New"}
    assert client.post("/api/v1/projects", elsewhere, format="json").status_code == 403


def test_a_verdict_needs_a_token_for_reviewing(
    review: ReviewRequest, limited: Limited, reviewer: User
) -> None:
    path = f"/api/v1/reviews/{review.pk}"
    for actions, status in ((["view", "comment"], 403), (["view", "review"], 200)):
        client = limited(reviewer, actions=actions)
        digest = client.get(path).json()["read_digest"]
        answer = client.post(f"{path}/approve", {"read_digest": digest}, format="json")
        assert answer.status_code == status
    assert review.verdicts.count() == 1


def test_a_limited_token_makes_nobody_an_administrator(
    project: Project, limited: Limited, administrator: User
) -> None:
    client = limited(administrator, actions=PRESETS["write"])
    assert client.get("/api/v1/me").json()["is_administrator"] is False
    assert client.get("/api/v1/projects/credit").status_code == 200
    assert client.patch("/api/v1/projects/credit", {"name": "X"}, format="json").status_code == 403
    assert client.get("/metrics").status_code == 200
    administrator.refresh_from_db()
    assert administrator.is_superuser is True
    assert limited(administrator, projects=["credit"]).get("/metrics").status_code == 403


def test_the_trail_names_the_token(project: Project, limited: Limited, owner: User) -> None:
    client = limited(owner)
    assert _post(client, f"{MODELS}/create", name="fresh").status_code == 200
    new = {"slug": "new", "name": "New"}
    assert client.post("/api/v1/projects", new, format="json").status_code == 201
    token = owner.access_tokens.get()
    for action in ("model.create", "project.create"):
        assert AuditEvent.objects.get(action=action).data["token"] == str(token)
    assert "token" not in AuditEvent.objects.get(action="token.create").data


def test_basic_credentials_carry_a_token_on_both_interfaces(model: RegisteredModel) -> None:
    owner = User.objects.get(username="owner")
    _, secret = create_token(owner, name="basic", by=owner)
    for text, status in ((f"anybody:{secret}", 200), ("owner:a long passphrase", 401)):
        header = "Basic " + base64.b64encode(text.encode()).decode()
        client = Client(headers={"Authorization": header})
        assert client.get("/api/v1/me").status_code == status
        assert client.get(f"{MODELS}/get", {"name": "scoring"}).status_code == status


def test_scopes_are_chosen_shown_and_checked(
    elsewhere: RegisteredModel, project: Project, limited: Limited, owner: User
) -> None:
    client = limited(owner)
    made = client.post(
        "/api/v1/tokens",
        {"name": "ci", "scope": "write", "projects": ["credit"], "default_project": "credit"},
        format="json",
    )
    assert made.status_code == 201
    assert {name: made.json()[name] for name in ("scope", "actions", "projects")} == {
        "scope": "write",
        "actions": sorted(PRESETS["write"] or ()),
        "projects": ["credit"],
    }
    listed = {token["name"]: token for token in client.get("/api/v1/tokens").json()["results"]}
    assert (listed["ci"]["scope"], listed["token 0"]["scope"]) == ("write", "everything")
    for wrong, field in (
        ({"actions": ["fly"]}, "actions"),
        ({"actions": []}, "actions"),
        ({"projects": []}, "projects"),
        ({"projects": ["nowhere"]}, "projects"),
        ({"projects": ["other"], "default_project": "credit"}, "default_project"),
        ({"scope": "read", "actions": ["view"]}, "scope"),
        ({"scope": "all"}, "scope"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
    ):
        refused = client.post("/api/v1/tokens", {"name": "x", **wrong}, format="json")
        assert (refused.status_code, list(refused.json()["details"])) == (400, [field]), wrong


def test_a_token_that_names_no_end_has_one(owner: User) -> None:
    token, _ = create_token(owner, name="x", by=owner)
    assert token.expires_at is not None
    assert (token.expires_at - token.created_at).days in (89, 90)
    assert settings.MLGOV_TOKEN_DAYS == 90


def test_what_limits_name_exists() -> None:
    asked = {action for actions in ASKED_FOR.values() for action in actions}
    assert (asked - ALL_ACTIONS, (set(ASKED_FOR) | CONSEQUENCES) - set(TOLD)) == (set(), set())
