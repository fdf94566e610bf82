"""Deployments, keys, runs, notifications and activity through the REST API."""

import pytest

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.audit.services import record
from apps.deployments.models import ApiKey
from apps.projects.models import Project
from apps.runs.models import Run, RunLogLine
from tests import factories
from tests.api.conftest import Clients
from tests.api.world import World

ENDPOINT = "/api/v1/endpoints/credit/scoring-staging"


def test_a_deployment_is_shown_with_its_rollouts(as_person: Clients, viewer: User, world: World):
    client = as_person(viewer)
    listed = client.get("/api/v1/deployments", {"state": "failed", "model": "scoring"}).json()
    shown = client.get(f"/api/v1/deployments/{world.deployment.pk}").json()

    assert [d["id"] for d in listed["results"]] == [world.deployment.pk]
    assert client.get("/api/v1/deployments", {"state": "serving"}).json()["results"] == []
    assert (shown["endpoint"], shown["version"], shown["build"], shown["copies"]) == (
        "scoring-staging",
        1,
        None,
        [],
    )
    assert [(r["kind"], r["run"]["error_code"]) for r in shown["rollouts"]] == [
        ("rollout", "deployments.model.does-not-start")
    ]


def test_the_deployments_of_a_version_are_found_with_the_move_that_each_follows(
    as_person: Clients, viewer: User, world: World
):
    client = as_person(viewer)
    asked = {"model": "scoring", "version": 1}
    listed = client.get("/api/v1/deployments", asked).json()["results"]

    pk = world.deployment.pk
    assert [(d["id"], d["move"], d["url"]) for d in listed] == [
        (pk, world.deployment.move_id, f"http://127.0.0.1:8000/deployments/{pk}")
    ]
    other = client.get("/api/v1/deployments", {**asked, "version": 2}).json()
    assert other["results"] == []
    for wrong in ("one", "0", "99999999999999999999"):
        assert client.get("/api/v1/deployments", {"version": wrong}).status_code == 400


def test_a_failed_deployment_is_retried_by_whoever_may(
    as_person: Clients, owner: User, viewer: User, world: World
):
    path = f"/api/v1/deployments/{world.deployment.pk}"
    world.version.placement = world.deployment.move.to_stage.placements.create(
        version=world.version
    )
    refused = as_person(viewer).post(f"{path}/retry")
    retried = as_person(owner).post(f"{path}/retry")

    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    assert (retried.status_code, retried.json()["state"]) == (202, "building")
    assert Run.objects.filter(kind="builds.build", state="queued").count() == 1


def test_what_is_too_late_is_a_conflict(as_person: Clients, owner: User, world: World):
    path = f"/api/v1/deployments/{world.deployment.pk}"
    client = as_person(owner)
    nothing_to_cancel = client.post(f"{path}/cancel")
    without_reason = client.post(f"{path}/roll-back", {}, format="json")
    never_served = client.post(f"{path}/roll-back", {"reason": "it was better"}, format="json")

    assert nothing_to_cancel.status_code == 409
    assert (without_reason.status_code, list(without_reason.json()["details"])) == (
        400,
        ["reason"],
    )
    assert never_served.status_code == 409


def test_strangers_find_no_deployment_endpoint_or_run(
    as_person: Clients, stranger: User, world: World
):
    client = as_person(stranger)
    for path in (
        f"/api/v1/deployments/{world.deployment.pk}",
        ENDPOINT,
        f"{ENDPOINT}/keys",
        f"/api/v1/runs/{world.run.pk}",
        f"/api/v1/runs/{world.run.pk}/log",
    ):
        assert client.get(path).status_code == 404
    for path in ("deployments", "endpoints", "runs"):
        assert client.get(f"/api/v1/{path}").json()["results"] == []


def test_a_keys_secret_is_shown_once(as_person: Clients, owner: User, viewer: User, world: World):
    client = as_person(owner)
    made = client.post(f"{ENDPOINT}/keys", {"name": "shop"}, format="json")
    listed = client.get(f"{ENDPOINT}/keys")

    assert made.status_code == 201
    assert made.json()["secret"].startswith(f"mlgov_key_{made.json()['prefix']}_")
    assert made.json()["secret"] not in listed.content.decode()
    assert [key["name"] for key in listed.json()["results"]] == ["shop", "caller"]
    assert as_person(viewer).get(f"{ENDPOINT}/keys").status_code == 403

    path = f"{ENDPOINT}/keys/{made.json()['id']}"
    assert client.delete(path).status_code == 204
    assert ApiKey.objects.get(name="shop").revoked_at is not None


def test_the_log_of_a_run_is_read_from_a_line_on(as_person: Clients, viewer: User, world: World):
    client = as_person(viewer)
    path = f"/api/v1/runs/{world.run.pk}"
    first = client.get(f"{path}/log").json()
    again = client.get(f"{path}/log", {"after": first["after"]}).json()

    assert [(line["step"], line["text"]) for line in first["lines"]] == [
        ("start", "hello"),
        (None, "bye"),
    ]
    assert (first["is_complete"], again["lines"], again["after"]) == (True, [], first["after"])
    assert [s["name"] for s in client.get(path).json()["steps"]] == ["start"]


def test_a_long_log_comes_in_parts(as_person: Clients, viewer: User, world: World):
    RunLogLine.objects.bulk_create(
        RunLogLine(run=world.run, text=str(number)) for number in range(1_100)
    )
    client = as_person(viewer)
    first = client.get(f"/api/v1/runs/{world.run.pk}/log").json()
    rest = client.get(f"/api/v1/runs/{world.run.pk}/log", {"after": first["after"]}).json()

    assert (len(first["lines"]), first["is_complete"]) == (1_000, False)
    assert (len(rest["lines"]), rest["is_complete"]) == (102, True)


def test_notifications_are_read_by_their_owner_only(
    as_person: Clients, owner: User, stranger: User, world: World
):
    client = as_person(owner)
    path = f"/api/v1/notifications/{world.notification}/read"
    assert as_person(stranger).post(path).status_code == 404
    unread = client.get("/api/v1/notifications", {"unread": "true"}).json()["results"]
    assert [n["subject"] for n in unread] == ["Look"]
    assert client.post(path).json() == {"changed": 1}
    assert client.post("/api/v1/notifications/read").json() == {"changed": 0}
    assert client.get("/api/v1/notifications", {"unread": "true"}).json()["results"] == []


@pytest.fixture
def events(project: Project, owner: User, stranger: User) -> None:
    for number in range(5):
        record(actor=owner, action="project.edit", obj=project, project=project, reason=f"{number}")
    elsewhere = stranger.memberships.get().project
    record(actor=stranger, action="project.edit", obj=elsewhere, project=elsewhere)


def test_activity_is_paged_by_key(as_person: Clients, owner: User, project: Project, events):
    client = as_person(owner)
    query = {"action": "project.edit", "limit": 2}
    pages, url = [], None
    while True:
        page = (client.get(url) if url else client.get("/api/v1/activity", query)).json()
        pages.append([event["reason"] for event in page["results"]])
        url = page["next"]
        if len(pages) == 1:  # what happens meanwhile moves no page
            record(actor=owner, action="project.edit", obj=project, project=project, reason="new")
        if url is None:
            break

    assert pages == [["4", "3"], ["2", "1"], ["0"]]


def test_activity_of_others_shows_to_auditors_only(
    as_person: Clients, owner: User, viewer: User, stranger: User, events
):
    auditor = factories.make_user("auditor")
    auditor.groups.create(name="auditors")

    def actors(user: User) -> set[str]:
        found = as_person(user).get("/api/v1/activity", {"action": "project"}).json()
        return {event["actor"] for event in found["results"]}

    assert (actors(viewer), actors(stranger)) == ({"Owner"}, {"Stranger"})
    assert actors(auditor) == {"Owner", "Stranger"}


def test_ones_own_tokens_show_in_ones_own_activity(as_person: Clients, owner: User, viewer: User):
    accounts.create_token(owner, name="laptop", by=owner)

    def seen(user: User) -> list[str]:
        found = as_person(user).get("/api/v1/activity", {"action": "token.create"}).json()
        return [event["object_name"].split(" (")[0] for event in found["results"]]

    assert seen(owner) == ["test owner", "laptop"]
    assert seen(viewer) == ["test viewer"]


def test_activity_is_filtered_by_object_person_and_time(
    as_person: Clients, owner: User, project: Project, events
):
    client = as_person(owner)

    def count(**query: object) -> int:
        return len(client.get("/api/v1/activity", query).json()["results"])

    assert count(object_type="projects.project", object_id=project.pk) == 5
    assert count(actor="owner", project="credit") == 5
    assert count(actor="viewer") == 0
    assert count(since="2999-01-01T00:00:00Z") == 0
    assert count(until="2000-01-01T00:00:00Z") == 0
    assert client.get("/api/v1/activity", {"object_type": "x"}).status_code == 400
    assert client.get("/api/v1/activity", {"project": "elsewhere"}).status_code == 404
