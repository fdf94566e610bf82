"""Kept names, protected labels and tokens with a default project through the REST API."""

from apps.accounts.models import AccessToken, User
from apps.projects.models import NamePrefix, Project
from apps.registry.models import LabelRule
from apps.reviews.models import ReviewRequest
from tests.api.conftest import Clients
from tests.api.world import World

BASE = "/api/v1/projects/credit"


def test_a_beginning_of_names_is_kept_listed_and_released(
    as_person: Clients, project: Project, owner: User, viewer: User, stranger: User
):
    client, reader = as_person(owner), as_person(viewer)
    made = client.post(f"{BASE}/name-prefixes", {"prefix": "credit-"}, format="json")
    listed = reader.get(f"{BASE}/name-prefixes").json()["results"]

    assert (made.status_code, made.json()["prefix"]) == (201, "credit-")
    assert listed == [made.json()]
    foreign = as_person(stranger)
    for path in (f"{BASE}/name-prefixes", f"{BASE}/label-rules"):
        assert foreign.get(path).status_code == 404
    clash = foreign.post(
        "/api/v1/projects/elsewhere/name-prefixes", {"prefix": "credit-x"}, format="json"
    )
    assert (clash.status_code, clash.json()["code"]) == (409, "conflict")
    here = f"{BASE}/name-prefixes/{made.json()['id']}"
    assert reader.delete(here).status_code == 403
    there = f"/api/v1/projects/elsewhere/name-prefixes/{made.json()['id']}"
    assert foreign.delete(there).status_code == 404
    assert client.delete(here).status_code == 204
    assert not NamePrefix.objects.exists()


def test_labels_are_protected_and_set_free(
    as_person: Clients, project: Project, owner: User, viewer: User
):
    everywhere = LabelRule.objects.create(kind="alias", pattern="prod*", roles=["owner"])
    client, reader = as_person(owner), as_person(viewer)
    body = {"kind": "version_tag", "pattern": "validation.*", "after_promotion": True}
    made = client.post(f"{BASE}/label-rules", body, format="json")

    assert made.status_code == 201
    assert made.json() == {
        **body, "id": made.json()["id"], "roles": [], "is_global": False,
    }  # fmt: skip
    listed = reader.get(f"{BASE}/label-rules").json()["results"]
    assert [(rule["pattern"], rule["is_global"]) for rule in listed] == [
        ("prod*", True),
        ("validation.*", False),
    ]
    assert reader.post(f"{BASE}/label-rules", body, format="json").status_code == 403
    for wrong in ({"kind": "word"}, {"roles": ["viewer"]}, {"roles": "x"}, {"pattern": ""}):
        refused = client.post(f"{BASE}/label-rules", {**body, **wrong}, format="json")
        assert refused.status_code == 400, wrong
    assert client.delete(f"{BASE}/label-rules/{everywhere.pk}").status_code == 404
    assert client.delete(f"{BASE}/label-rules/{made.json()['id']}").status_code == 204
    assert list(LabelRule.objects.all()) == [everywhere]


def test_a_token_names_the_project_of_what_is_made_with_it(
    as_person: Clients, project: Project, data_scientist: User, viewer: User
):
    body = {"name": "ci", "default_project": "credit"}
    client = as_person(data_scientist)
    made = client.post("/api/v1/tokens", body, format="json")

    assert (made.status_code, made.json()["default_project"]) == (201, "credit")
    assert client.get("/api/v1/tokens").json()["results"][0]["default_project"] == "credit"
    refused = as_person(viewer).post("/api/v1/tokens", body, format="json")
    assert (refused.status_code, list(refused.json()["details"])) == (400, ["default_project"])
    assert not AccessToken.objects.filter(user=viewer, name="ci").exists()


def test_a_review_may_be_asked_for_without_naming_reviewers(
    as_person: Clients, world: World, project: Project, data_scientist: User, staging: object
):
    version = world.version.model.versions.order_by("-number").first()
    ReviewRequest.objects.all().delete()
    client = as_person(data_scientist)
    made = client.post(
        f"/api/v1/models/{version.model.name}/versions/{version.number}/reviews",
        {"stage": "staging", "note": "Please."},
        format="json",
    )
    assert made.status_code == 201, made.json()
    names = [row["person"]["username"] for row in made.json()["standing"]["reviewers"]]
    assert names == ["reviewer", "risk-reviewer"]
    stages = client.get("/api/v1/stages").json()["results"]
    assert [stage["alias"] for stage in stages] == ["staging"]
