"""Attributes of projects, models and versions on pages and in the admin: shown, set, kept."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Attribute, User
from apps.audit.models import AuditEvent
from apps.projects.models import Project
from apps.registry.models import ModelVersion, RegisteredModel
from tests.sessions import sign_in
from tests.web.conftest import Signed


@pytest.fixture(autouse=True)
def declared(db: None) -> None:
    for about in ("project", "model", "version"):
        for name, kind, values in (
            ("sensitivity", "choice", ["low", "high"]), ("weight", "number", []),
            ("exported", "boolean", []), ("sites", "list", []), ("regions", "list", ["eu", "us"]),
            ("unit", "text", []),
        ):  # fmt: skip
            Attribute.objects.create(
                about=about, name=name, kind=kind, values=values, set_by="owners"
            )
        Attribute.objects.create(about=about, name="clearance", kind="number")


def pages_of(version: ModelVersion) -> list[tuple[Any, str, str]]:
    model = version.model
    card = f"/models/{model.name}/versions/{version.number}"
    return [
        (model.project, f"/projects/{model.project.slug}", "project"),
        (model, f"/models/{model.name}", "model"),
        (version, card, "version"),
    ]


GIVEN = {
    "attribute-sensitivity": "high", "attribute-weight": "2.0", "attribute-exported": "no",
    "attribute-sites": "Graz\n\nLinz\n", "attribute-regions": ["eu"], "attribute-unit": "",
}  # fmt: skip
HELD = {
    "sensitivity": "high", "weight": 2, "exported": False, "sites": ["Graz", "Linz"],
    "regions": ["eu"],
}  # fmt: skip


def test_owners_set_what_is_declared_for_them_and_everybody_reads_it(
    signed_in: Signed, owner: User, viewer: User, version: ModelVersion
) -> None:
    for obj, page, about in pages_of(version):
        client = signed_in(owner)
        assert "None is set." in client.get(page).content.decode()
        form = client.get(f"{page}/attributes").content.decode()
        # What administrators set is not asked for.
        assert ("attribute-sensitivity" in form, "attribute-clearance" in form) == (True, False)
        answer = client.post(f"{page}/attributes", GIVEN)
        assert (answer.status_code, answer["Location"]) == (302, page)
        obj.refresh_from_db()
        assert obj.attributes == HELD
        event = AuditEvent.objects.get(action=f"{about}.set_attributes")
        assert (event.data["before"], event.data["now"]) == ({}, HELD)
        assert obj.history.first().attributes == HELD
        # The same again changes nothing, and is not recorded.
        client.post(f"{page}/attributes", GIVEN)
        assert AuditEvent.objects.filter(action=f"{about}.set_attributes").count() == 1

        shown = signed_in(viewer).get(page).content.decode()
        assert ("Graz, Linz" in shown, f"{page}/attributes" in shown) == (True, False)
        emptied = client.post(f"{page}/attributes", {"attribute-weight": "1.5"})
        assert emptied.status_code == 302
        obj.refresh_from_db()
        assert obj.attributes == {"weight": 1.5}


@pytest.mark.parametrize(
    "wrong",
    [{"attribute-sensitivity": "huge"}, {"attribute-weight": "much"}, {"attribute-weight": "nan"},
     {"attribute-weight": "9" * 400}, {"attribute-exported": "maybe"},
     {"attribute-unit": "x" * 201}, {"attribute-regions": ["eu", "asia"]},
     {"attribute-sites": "x" * 201},
     {"attribute-sites": "\n".join(map(str, range(101)))}, {"attribute-unit": "a\0b"}],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_its_field(
    signed_in: Signed, owner: User, version: ModelVersion, wrong: dict[str, Any]
) -> None:
    for obj, page, _ in pages_of(version):
        answer = signed_in(owner).post(f"{page}/attributes", wrong)
        assert answer.status_code == 422, answer.content
        obj.refresh_from_db()
        assert obj.attributes == {}


def test_others_set_nothing_and_administrators_everything(
    signed_in: Signed, maintainer: User, viewer: User, stranger: User, administrator: User,
    version: ModelVersion,
) -> None:  # fmt: skip
    for obj, page, _ in pages_of(version):
        for person, status in ((maintainer, 403), (viewer, 403), (stranger, 404)):
            assert signed_in(person).get(f"{page}/attributes").status_code == status
            answer = signed_in(person).post(f"{page}/attributes", GIVEN)
            assert answer.status_code == status, (person, page)
        client = signed_in(administrator)
        client.post(f"{page}/attributes", {**GIVEN, "attribute-clearance": "3"})
        obj.refresh_from_db()
        assert obj.attributes == {**HELD, "clearance": 3}


def test_what_administrators_set_an_owner_sees_and_keeps(
    signed_in: Signed, owner: User, version: ModelVersion
) -> None:
    for obj, page, _ in pages_of(version):
        type(obj).objects.filter(pk=obj.pk).update(attributes={"clearance": 3, "old": "x"})
        client = signed_in(owner)
        assert "clearance" in client.get(f"{page}/attributes").content.decode()
        answer = client.post(
            f"{page}/attributes", {"attribute-clearance": "9", "attribute-unit": "kg"}
        )
        assert answer.status_code == 302
        obj.refresh_from_db()
        assert obj.attributes == {"clearance": 3, "old": "x", "unit": "kg"}


def test_administrators_set_attributes_of_a_project_in_the_admin(
    client: Client, administrator: User, owner: User, project: Project
) -> None:
    page = f"/admin/projects/project/{project.pk}/change/"
    owner.is_staff = True
    owner.save()
    members = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    sign_in(client, owner)
    assert client.post(page, {**members, "attributes": '{"weight": 1}'}).status_code == 403
    sign_in(client, administrator)
    refused = client.post(page, {**members, "attributes": '{"weight": "heavy"}'})
    assert "“weight” is a number" in refused.content.decode()
    for given, held in (('{"weight": 1, "unit": "kg"}', {"weight": 1, "unit": "kg"}),
                        ('{"unit": "t"}', {"unit": "t"})):  # fmt: skip
        answer = client.post(page, {**members, "attributes": given, "name": "Another"})
        assert answer.status_code == 302, answer.content.decode()
        project.refresh_from_db()
        assert (project.attributes, project.name) == (held, "Credit")
    assert AuditEvent.objects.filter(action="project.set_attributes").count() == 2


def test_a_declaration_that_is_held_is_not_deleted_and_not_narrowed_in_the_admin(
    client: Client, administrator: User, model: RegisteredModel
) -> None:
    held = Attribute.objects.get(about="model", name="sensitivity")
    RegisteredModel.objects.filter(pk=model.pk).update(attributes={"sensitivity": "high"})
    sign_in(client, administrator)
    page = f"/admin/accounts/attribute/{held.pk}"
    answer = client.post(f"{page}/delete/", {"post": "yes"})
    assert answer.status_code == 409
    assert "1 model holds “sensitivity”" in answer.content.decode()
    chosen = {"action": "delete_selected", "_selected_action": [held.pk], "post": "yes"}
    assert client.post("/admin/accounts/attribute/", chosen).status_code == 409

    whole = {"about": "model", "name": "sensitivity", "kind": "choice", "set_by": "owners"}
    for wrong in ({**whole, "values": "low"}, {**whole, "values": "", "kind": "number"},
                  {**whole, "values": "low\nhigh", "name": "secrecy"},
                  {**whole, "values": "low\nhigh", "about": "project", "name": "x"}):  # fmt: skip
        answer = client.post(f"{page}/change/", wrong)
        assert "1 model holds" in answer.content.decode(), wrong
    wider = {**whole, "values": "low\nmiddle\nhigh"}
    assert client.post(f"{page}/change/", wider).status_code == 302
    free = Attribute.objects.get(about="version", name="sensitivity")
    answer = client.post(f"/admin/accounts/attribute/{free.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    held.refresh_from_db()
    assert held.values == ["low", "middle", "high"]
