"""Projects, members and tokens through the REST API."""

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import AccessToken, User
from apps.audit.models import AuditEvent
from apps.projects.models import Membership, Project, ReviewerRole
from tests import factories
from tests.api.conftest import Clients


def test_who_asks_without_a_token_is_told_how_to_ask(db):
    answer = APIClient().get("/api/v1/projects")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="mlgov"'
    assert answer.json()["code"] == "not_authenticated"


def test_a_wrong_token_is_refused_also_where_a_session_would_do(client, owner):
    client.force_login(owner)
    answer = client.get("/api/v1/me", headers={"Authorization": "Bearer mlgov_pat_nonsense"})

    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")


def test_a_session_may_read_and_needs_a_csrf_token_to_write(owner):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(owner)

    assert client.get("/api/v1/me").json()["username"] == "owner"
    refused = client.post("/api/v1/projects", {"slug": "a", "name": "A"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")


def test_everybody_sees_his_own_projects_only(
    as_person: Clients, project: Project, viewer: User, stranger: User
):
    assert [p["slug"] for p in as_person(viewer).get("/api/v1/projects").json()["results"]] == [
        "credit"
    ]
    foreign = as_person(stranger)
    assert [p["slug"] for p in foreign.get("/api/v1/projects").json()["results"]] == ["elsewhere"]
    for path in ("projects/credit", "projects/credit/members", "projects/credit/stages"):
        answer = foreign.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()) == (
            404,
            {"code": "not_found", "message": "There is no such project."},
        )


def test_an_internal_project_is_read_by_everybody_and_written_by_its_members(
    as_person: Clients, project: Project, owner: User, stranger: User
):
    members, foreign = as_person(owner), as_person(stranger)
    changed = members.patch("/api/v1/projects/credit", {"visibility": "internal"}, format="json")
    assert (changed.status_code, changed.json()["visibility"]) == (200, "internal")

    assert foreign.get("/api/v1/projects/credit/members").status_code == 200
    refused = foreign.patch("/api/v1/projects/credit", {"visibility": "private"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    unknown = members.patch("/api/v1/projects/credit", {"visibility": "secret"}, format="json")
    assert (unknown.status_code, "visibility" in unknown.json()["details"]) == (400, True)


def test_who_makes_a_project_owns_it(as_person: Clients, viewer: User):
    client = as_person(viewer)
    answer = client.post("/api/v1/projects", {"slug": "churn", "name": "Churn"}, format="json")

    assert answer.status_code == 201
    assert answer.json()["slug"] == "churn"
    membership = Membership.objects.get(project__slug="churn")
    assert (membership.user, membership.role) == (viewer, "owner")
    event = AuditEvent.objects.get(action="project.create")
    assert (event.actor_id, event.via, event.ip) == (viewer.pk, "api", "127.0.0.1")
    assert event.request_id == answer["X-Request-ID"]


def test_the_history_names_whoever_used_the_token(as_person: Clients, owner: User, project):
    as_person(owner).patch("/api/v1/projects/credit", {"name": "Credits"}, format="json")

    newest = project.history.first()
    assert (newest.name, newest.history_user_id) == ("Credits", owner.pk)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slug": "Not A Slug", "name": "x"}, "slug"),
        ({"slug": "s" * 51, "name": "x"}, "slug"),
        ({"slug": "fine", "name": "  "}, "name"),
        ({"slug": "fine", "name": "x" * 101}, "name"),
        ({"slug": "fine"}, "name"),
        ({"slug": ["fine"], "name": "x"}, "slug"),
    ],
)
def test_wrong_input_is_named_by_its_field(as_person: Clients, owner: User, body, field):
    answer = as_person(owner).post("/api/v1/projects", body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["details"]) == [field]


def test_a_taken_name_is_a_conflict(as_person: Clients, owner: User, project: Project):
    answer = as_person(owner).post(
        "/api/v1/projects", {"slug": "credit", "name": "Again"}, format="json"
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")


def test_an_owner_lets_people_in_and_out(
    as_person: Clients, owner: User, project: Project, risk_role: ReviewerRole
):
    factories.make_user("new")
    client = as_person(owner)
    path = "/api/v1/projects/credit/members/new"

    answer = client.put(path, {"role": "reviewer", "reviewer_roles": ["risk"]}, format="json")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "person": {"username": "new", "name": "New"},
            "role": "reviewer",
            "reviewer_roles": ["risk"],
        },
    )
    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    assert [m["person"]["username"] for m in _members(client)] == ["owner"]


def _members(client: APIClient):
    return client.get("/api/v1/projects/credit/members").json()["results"]


def test_the_last_owner_stays(as_person: Clients, owner: User, project: Project):
    answer = as_person(owner).delete("/api/v1/projects/credit/members/owner")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert Membership.objects.filter(project=project, role="owner").count() == 1


@pytest.mark.parametrize(
    ("username", "body", "field"),
    [
        ("nobody", {"role": "viewer"}, "username"),
        ("owner", {"role": "king"}, "role"),
        ("owner", {"role": "owner", "reviewer_roles": ["unheard-of"]}, "reviewer_roles"),
    ],
)
def test_unknown_people_and_roles_are_refused(
    as_person: Clients, owner: User, project: Project, username, body, field
):
    answer = as_person(owner).put(
        f"/api/v1/projects/credit/members/{username}", body, format="json"
    )
    assert (answer.status_code, list(answer.json()["details"])) == (400, [field])


def test_a_viewer_lets_nobody_in(as_person: Clients, viewer: User, stranger: User):
    answer = as_person(viewer).put(
        "/api/v1/projects/credit/members/stranger", {"role": "viewer"}, format="json"
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert not Membership.objects.filter(user=stranger, project__slug="credit").exists()


def test_a_tokens_secret_is_shown_once_and_works_until_it_is_revoked(
    as_person: Clients, owner: User
):
    client = as_person(owner)
    made = client.post("/api/v1/tokens", {"name": "laptop"}, format="json")
    assert made.status_code == 201
    secret, pk = made.json()["secret"], made.json()["id"]

    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert program.get("/api/v1/me").json()["username"] == "owner"
    assert secret not in client.get("/api/v1/tokens").content.decode()
    assert client.delete(f"/api/v1/tokens/{pk}").status_code == 204
    assert program.get("/api/v1/me").status_code == 401


def test_nobody_sees_or_revokes_the_tokens_of_others(
    as_person: Clients, owner: User, stranger: User
):
    as_person(owner)
    theirs = AccessToken.objects.get(user=owner)
    client = as_person(stranger)

    listed = client.get("/api/v1/tokens").json()["results"]
    assert [token["name"] for token in listed] == ["test stranger"]
    assert client.delete(f"/api/v1/tokens/{theirs.pk}").status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


def test_people_are_found_by_a_part_of_their_name(
    as_person: Clients, owner: User, reviewer: User, risk_reviewer: User
):
    factories.make_user("reviewer-gone", is_active=False)
    answer = as_person(owner).get("/api/v1/people", {"search": "review"})

    assert answer.json()["results"] == [
        {"username": "reviewer", "name": "Reviewer"},
        {"username": "risk-reviewer", "name": "Risk Reviewer"},
    ]
    assert as_person(reviewer).get("/api/v1/people").status_code == 400
