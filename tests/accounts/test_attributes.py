"""Attributes are declared before they are set, and hold what the declaration allows."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.attributes import BUILT_IN, require_declared
from apps.accounts.models import About, Attribute, User
from apps.audit.models import AuditEvent
from apps.core.errors import Invalid
from tests.sessions import sign_in


@pytest.fixture(autouse=True)
def declared(db: None) -> None:
    for name, kind, values in (
        ("department", "choice", ["risk", "sales"]), ("clearance", "number", []),
        ("contractor", "boolean", []), ("job_roles", "list", ["a", "b"]), ("site", "text", []),
    ):  # fmt: skip
        Attribute.objects.create(name=name, kind=kind, values=values)


@pytest.mark.parametrize(
    ("name", "fits", "does_not"),
    [
        ("department", ["risk"], ["Risk", "", 1, None, ["risk"], {}]),
        ("clearance", [3, 2.5, -1, 0], [True, "3", None, float("nan"), float("inf")]),
        ("contractor", [True, False], [0, 1, "true", None]),
        ("job_roles", [[], ["a"], ["a", "b"]], ["a", ["c"], [1], [["a"]], ["a"] * 101]),
        ("site", ["", "Graz"], [1, None, "x" * 201, ["Graz"]]),
        ("rank", [], ["captain"]),
    ],
)
def test_a_value_fits_its_declaration(name: str, fits: list[Any], does_not: list[Any]) -> None:
    for value in fits:
        require_declared({name: value}, about="person")
    for value in does_not:
        with pytest.raises(Invalid, match=name):
            require_declared({name: value}, about="person")


def test_what_stood_there_before_may_stay() -> None:
    old = {"rank": 1, "department": "old"}
    require_declared(dict(old), about="person", before=old)
    with pytest.raises(Invalid, match="rank"):
        require_declared({"rank": 2}, about="person", before={"rank": 1})


def test_what_is_declared_of_people_is_not_of_objects() -> None:
    Attribute.objects.create(about="version", name="department", kind="number")
    require_declared({"department": 7}, about="version")
    for about, wrong in (("version", "risk"), ("model", 7), ("project", "risk"), ("person", 7)):
        with pytest.raises(Invalid, match="department"):
            require_declared({"department": wrong}, about=about)


def test_a_name_is_declared_once_of_each_and_people_are_set_by_administrators() -> None:
    for wrong in ({"name": "department", "about": "person"}, {"name": "x", "set_by": "owners"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Attribute.objects.create(kind="text", **wrong)
    Attribute.objects.create(name="x", kind="text", about="project", set_by="owners")


def test_administrators_declare_and_set_attributes(
    client: Any, administrator: User, viewer: User
) -> None:
    sign_in(client, administrator)
    add = "/admin/accounts/attribute/add/"
    of_people = {"about": "person", "set_by": "administrators"}
    given = {"name": "grade", "kind": "choice", "values": "two\n\n one \ntwo"}
    assert client.post(add, {**of_people, **given}).status_code == 302
    # In the order that was given, by which rules compare.
    assert Attribute.objects.get(name="grade").values == ["two", "one"]
    event = AuditEvent.objects.get(action="attribute.create")
    assert (event.object_name, event.data["now"]["values"]) == ("grade", ["two", "one"])
    for wrong in ({"name": "x", "kind": "choice"}, {"name": "A b", "kind": "text"},
                  {"name": "n", "kind": "number", "values": "1"}):  # fmt: skip
        assert client.post(add, {"values": "", **of_people, **wrong}).status_code == 200, wrong
    page = f"/admin/accounts/user/{viewer.pk}/change/"
    person = {"username": "viewer", "email": viewer.email, "is_active": "on"}
    refused = client.post(page, {**person, "attributes": '{"grade": "three"}'})
    assert "is one of two, one." in refused.content.decode()
    assert client.post(page, {**person, "attributes": '{"grade": "two"}'}).status_code == 302
    viewer.refresh_from_db()
    assert viewer.attributes == {"grade": "two"}


def test_a_declaration_does_not_stand_for_what_is_known_without_one(
    client: Any, administrator: User
) -> None:
    sign_in(client, administrator)
    add, count = "/admin/accounts/attribute/add/", Attribute.objects.count()
    for about in About.values:
        for name in BUILT_IN[about]:
            given = {"about": about, "name": name, "kind": "text", "set_by": "administrators"}
            answer = client.post(add, given)
            assert "known without a declaration" in answer.content.decode(), (about, name)
    assert Attribute.objects.count() == count
    for about, set_by in (("person", "owners"), ("nobody", "administrators"), ("model", "me")):
        given = {"about": about, "name": "x", "kind": "text", "set_by": set_by}
        assert client.post(add, given).status_code == 200, given
    assert Attribute.objects.count() == count
    for about in ("project", "model", "version"):
        given = {"about": about, "name": "groups", "kind": "text", "set_by": "owners"}
        assert client.post(add, given).status_code == 302, about
