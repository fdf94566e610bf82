"""Attributes over REST: declared by administrators, set on objects by whoever may."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from apps.accounts import declarations
from apps.accounts import services as accounts
from apps.accounts.models import Attribute, User
from apps.audit.models import AuditEvent
from apps.core.errors import Conflict, Invalid
from apps.projects.models import Project
from apps.registry import services
from apps.registry.models import ModelVersion, RegisteredModel
from tests import factories
from tests.api.conftest import Clients
from tests.threads import together

DECLARED = "/api/v1/attributes"
SENSITIVITY = {
    "about": "version", "name": "sensitivity", "kind": "choice", "values": ["low", "high"],
    "description": "What may leave the house.", "set_by": "owners",
}  # fmt: skip


def send(client: APIClient, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(path, body, format="json")


def addresses(version: ModelVersion) -> list[str]:
    model = version.model
    return [
        f"/api/v1/projects/{model.project.slug}",
        f"/api/v1/models/{model.name}",
        f"/api/v1/models/{model.name}/versions/{version.number}",
    ]


def test_administrators_declare_change_and_delete(
    as_person: Clients, administrator: User, owner: User
) -> None:
    client = as_person(administrator)
    made = send(client, "post", DECLARED, SENSITIVITY)
    assert (made.status_code, made.json()) == (201, SENSITIVITY)
    one = f"{DECLARED}/version/sensitivity"
    assert client.get(one).json() == as_person(owner).get(one).json() == SENSITIVITY
    assert send(client, "post", DECLARED, SENSITIVITY).status_code == 409
    changed = send(client, "patch", one, {"values": ["low", "middle", "high"], "set_by": "owners"})
    assert changed.json() == {**SENSITIVITY, "values": ["low", "middle", "high"]}
    event = AuditEvent.objects.get(action="attribute.edit")
    assert (event.data["before"], event.data["now"]) == (
        {"values": ["low", "high"]}, {"values": ["low", "middle", "high"]},
    )  # fmt: skip
    assert client.get(DECLARED, {"about": "person"}).json()["count"] == 0
    assert client.get(DECLARED, {"about": "version"}).json()["count"] == 1
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404
    assert AuditEvent.objects.filter(action="attribute.delete").count() == 1


def test_nobody_else_declares(as_person: Clients, administrator: User, owner: User) -> None:
    Attribute.objects.create(**SENSITIVITY)
    _, secret = accounts.create_token(
        administrator, name="limited", actions=["manage_project"], by=administrator
    )
    limited = APIClient()
    limited.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    one = f"{DECLARED}/version/sensitivity"
    for client in (as_person(owner), limited):
        assert send(client, "post", DECLARED, {**SENSITIVITY, "name": "x"}).status_code == 403
        assert send(client, "patch", one, {"set_by": "owners"}).status_code == 403
        assert send(client, "delete", one).status_code == 403
    assert list(Attribute.objects.values_list("name", flat=True)) == ["sensitivity"]


@pytest.mark.parametrize(
    "wrong",
    [{"name": "stage"}, {"name": "A b"}, {"name": ""}, {"name": "x" * 41}, {"kind": "number"},
     {"values": []}, {"values": [""]}, {"values": ["x" * 201]}, {"values": "low"},
     {"about": "person"}, {"about": "stage"}, {"set_by": "me"}],
)  # fmt: skip
def test_a_declaration_that_makes_no_sense_is_refused(
    as_person: Clients, administrator: User, wrong: dict[str, Any]
) -> None:
    answer = send(as_person(administrator), "post", DECLARED, {**SENSITIVITY, **wrong})
    assert answer.status_code in (400, 422), answer.json()
    assert not Attribute.objects.exists()


def test_attributes_of_objects_are_set_and_taken_away(
    as_person: Clients, owner: User, viewer: User, stranger: User, maintainer: User,
    administrator: User, version: ModelVersion,
) -> None:  # fmt: skip
    for about in ("project", "model", "version"):
        Attribute.objects.create(**{**SENSITIVITY, "about": about})
        Attribute.objects.create(about=about, name="frozen", kind="boolean")
    for address in addresses(version):
        own = f"{address}/attributes"
        client = as_person_once(as_person, owner)
        assert client.get(address).json()["attributes"] == {}
        answer = send(client, "patch", own, {"sensitivity": "high"})
        assert (answer.status_code, answer.json()) == (200, {"sensitivity": "high"})
        assert client.get(address).json()["attributes"] == {"sensitivity": "high"}
        for wrong, status in (
            ({"sensitivity": "top"}, 400), ({"unknown": 1}, 400), ([1], 400),
            ({"sensitivity": {}}, 400), ({"frozen": True}, 403),
            ({"frozen": True, "sensitivity": "low"}, 403),
        ):  # fmt: skip
            assert send(client, "patch", own, wrong).status_code == status, wrong
        for person, status in ((viewer, 403), (maintainer, 403), (stranger, 404)):
            client = as_person_once(as_person, person)
            assert send(client, "patch", own, {"sensitivity": "low"}).status_code == status
        client = as_person_once(as_person, administrator)
        answer = send(client, "patch", own, {"frozen": True, "sensitivity": None})
        assert answer.json() == {"frozen": True}
        client = as_person_once(as_person, owner)
        assert send(client, "patch", own, {"frozen": None}).status_code == 403


def as_person_once(as_person: Clients, user: User) -> APIClient:
    user.access_tokens.all().delete()
    return as_person(user)


def test_yes_is_not_one(version: ModelVersion, administrator: User) -> None:
    Attribute.objects.create(about="version", name="frozen", kind="boolean")
    ModelVersion.objects.filter(pk=version.pk).update(attributes={"frozen": True})
    with pytest.raises(Invalid, match="true or false"):
        services.set_version_attributes(version, changes={"frozen": 1}, by=administrator)


def test_a_declaration_that_is_held_stays_and_says_by_how_many(
    as_person: Clients, administrator: User, version: ModelVersion
) -> None:
    attribute = Attribute.objects.create(**SENSITIVITY)
    ModelVersion.objects.filter(pk=version.pk).update(attributes={"sensitivity": "high"})
    client, one = as_person(administrator), f"{DECLARED}/version/sensitivity"
    for method, body in (("delete", None), ("patch", {"values": ["low"]}),
                         ("patch", {"kind": "number", "values": []})):  # fmt: skip
        answer = send(client, method, one, body)
        assert (answer.status_code, "1 version holds" in answer.json()["message"]) == (409, True)
    attribute.refresh_from_db()
    assert attribute.values == ["low", "high"]
    # What was deleted holds nothing any more.
    services.delete_version(version, by=administrator)
    assert client.delete(one).status_code == 204


def test_a_copy_is_as_sensitive_as_what_it_copies(
    version: ModelVersion, project: Project, owner: User
) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(attributes={"sensitivity": "high"})
    model = factories.make_model(project, "copy")
    source = f"models:/{version.model.name}/{version.number}"
    assert services.create_version(model, source=source, by=owner).attributes == {
        "sensitivity": "high"
    }


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_value_is_not_set_while_its_declaration_goes(
    administrator: User, model: RegisteredModel
) -> None:
    def setting() -> None:
        services.set_model_attributes(model, changes={"grade": "one"}, by=administrator)

    def deleting() -> None:
        declarations.delete(Attribute.objects.get(name="grade"), by=administrator)

    for _ in range(3):
        Attribute.objects.create(about="model", name="grade", kind="text")
        outcomes = together(_tried(setting), _tried(deleting))
        model.refresh_from_db()
        is_declared = Attribute.objects.filter(name="grade").exists()
        assert bool(model.attributes) == is_declared, outcomes
        with transaction.atomic():
            Attribute.objects.all().delete()
            RegisteredModel.objects.update(attributes={})


def _tried(do: Callable[[], None]) -> Callable[[], str]:
    def tried() -> str:
        try:
            do()
        except (Conflict, Invalid) as refusal:
            return refusal.message
        return "done"

    return tried
