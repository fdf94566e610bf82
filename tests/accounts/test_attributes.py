"""Attributes are declared before they are set, and hold what the declaration allows."""

from typing import Any

import pytest

from apps.accounts.attributes import require_declared
from apps.accounts.models import Attribute, User
from apps.audit.models import AuditEvent
from apps.core.errors import Invalid
from tests.sessions import sign_in


@pytest.fixture(autouse=True)
def declared(db: None) -> None:
    for name, kind, values in (
        ("department", "choice", ["risk", "sales"]), ("clearance", "number", []),
        ("contractor", "boolean", []), ("roles", "list", ["a", "b"]), ("site", "text", []),
    ):  # fmt: skip
        Attribute.objects.create(name=name, kind=kind, values=values)


@pytest.mark.parametrize(
    ("name", "fits", "does_not"),
    [
        ("department", ["risk"], ["Risk", "", 1, None, ["risk"], {}]),
        ("clearance", [3, 2.5, -1, 0], [True, "3", None, float("nan"), float("inf")]),
        ("contractor", [True, False], [0, 1, "true", None]),
        ("roles", [[], ["a"], ["a", "b"]], ["a", ["c"], [1], [["a"]], ["a"] * 101]),
        ("site", ["", "Graz"], [1, None, "x" * 201, ["Graz"]]),
        ("rank", [], ["captain"]),
    ],
)
def test_a_value_fits_its_declaration(name: str, fits: list[Any], does_not: list[Any]) -> None:
    for value in fits:
        require_declared({name: value})
    for value in does_not:
        with pytest.raises(Invalid, match=name):
            require_declared({name: value})


def test_what_stood_there_before_may_stay() -> None:
    require_declared({"rank": 1, "department": "old"}, before={"rank": 1, "department": "old"})
    with pytest.raises(Invalid, match="rank"):
        require_declared({"rank": 2}, before={"rank": 1})


def test_administrators_declare_and_set_attributes(
    client: Any, administrator: User, viewer: User
) -> None:
    sign_in(client, administrator)
    add = "/admin/accounts/attribute/add/"
    given = {"name": "grade", "kind": "choice", "values": "one\n\n two \none"}
    assert client.post(add, given).status_code == 302
    assert Attribute.objects.get(name="grade").values == ["one", "two"]
    assert AuditEvent.objects.get(action="attribute.create").object_name == "grade"
    for wrong in ({"name": "x", "kind": "choice"}, {"name": "A b", "kind": "text"},
                  {"name": "n", "kind": "number", "values": "1"}):  # fmt: skip
        assert client.post(add, {"values": "", **wrong}).status_code == 200, wrong
    page = f"/admin/accounts/user/{viewer.pk}/change/"
    person = {"username": "viewer", "email": viewer.email, "is_active": "on"}
    refused = client.post(page, {**person, "attributes": '{"grade": "three"}'})
    assert "is one of one, two." in refused.content.decode()
    assert client.post(page, {**person, "attributes": '{"grade": "two"}'}).status_code == 302
    viewer.refresh_from_db()
    assert viewer.attributes == {"grade": "two"}
