"""What a condition may say, and what is answered to one that cannot hold."""

import pytest

from apps.access import rulebook
from apps.access.conditions import known_names, read
from apps.accounts.models import Attribute
from apps.core.errors import Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def declared(db: None) -> None:
    levels = ["low", "mid", "high"]
    for about, name, kind, values in (
        ("person", "department", "text", []),
        ("person", "clearance", "choice", levels),
        ("person", "regions", "list", []),
        ("person", "quota", "number", []),
        ("person", "vetted", "boolean", []),
        ("project", "department", "choice", ["risk", "fraud"]),
        ("project", "sensitivity", "choice", levels),
        ("project", "grade", "choice", ["a", "b"]),
        ("version", "score", "number", []),
    ):
        Attribute.objects.create(about=about, name=name, kind=kind, values=values)


@pytest.mark.parametrize(
    "line",
    [
        'user.department is "risk"',
        "user.department is project.department",
        "user.clearance is below project.sensitivity",
        "project.sensitivity is at most user.clearance",
        'project.sensitivity is one of "low", "mid"',
        "user.regions has version.tags.region",
        'user.groups has "risk-team"',
        "user.vetted is true",
        "user.service_account is false",
        "version.score is at least 0.5",
        "version.score is at least user.quota",
        'version.tags."a tag, with \\"quotes\\"" is set',
        'version.aliases has no "champion"',
        "project.department is not set",
        'user.role is one of "owner", "maintainer"',
        'wanted.stage is not "staging"',
        "wanted.alias is user.department",
        'environment.slug is "production"',
    ],
)
def test_these_are_conditions(line: str) -> None:
    condition = read(line, rulebook.declarations())
    assert condition.text == line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "does not begin with a name"),
        ("user", "does not begin with a name"),
        ("department is 3", "does not begin with a name"),
        ('user.departmnt is "risk"', "no attribute “user.departmnt”. There are user.clearance"),
        ('planet.name is "earth"', "nothing called “planet”"),
        ("user.department equals project.department", "After user.department comes one of"),
        ("user.department is", "Say what follows “is”"),
        ("user.department is risk", "put texts in quotes"),
        ('user.department is "risk', "put texts in quotes"),
        ('user.department is "risk" "fraud"', "put a comma between"),
        ('user.department is "risk", "fraud"', "One value follows “is”"),
        ('user.department is one of "risk",', "is no value"),
        ("user.department is one of project.department", "come values, with commas"),
        ("user.department is 3", "is a text and is never 3"),
        ("user.department is set today", "Nothing follows “is set”"),
        ('user.department is at least "risk"', "is a text: it is compared by"),
        ('user.vetted is "yes"', "is true or false and is never"),
        ('project.sensitivity is "secret"', "It is one of low, mid, high"),
        ("user.clearance is at least project.grade", "have different values, or another order"),
        ("user.vetted is project.department", "they are never alike"),
        ('user.regions is "eu"', "is a list: it is compared by"),
        ("project.department is version.tags.x", "with a value or with something of the user"),
        ("user.department is user.clearance", "with a value or with something of the user"),
        ("project.department is user.role", "Write user.role on the left"),
        ('user.role is "king"', 'is never "king"'),
        ("user.role is project.department", "is compared with values"),
        ('wanted.planet is "earth"', "There are wanted.stage"),
        ('user.department is "\\z"', "a backslash stands before it"),
        ('user.department is "a\x00"', "no NUL"),
        ('user.department is "' + "x" * 600 + '"', "at most 500 characters"),
        ("user.department is one of " + ", ".join('"a"' for _ in range(60)), "at most 50 values"),
        ('user.department.deep is "x"', "There is no attribute|There is nothing called"),
        ('model.name.x is "x"', "no attribute “model.name.x”"),
    ],
)
def test_what_is_wrong_is_said_with_a_way_out(line: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(line, rulebook.declarations())


def test_every_name_that_is_offered_is_understood() -> None:
    declared = rulebook.declarations()
    names = known_names(declared)
    assert "project.sensitivity" in names
    assert "user.role" in names
    for name in names:
        read(f"{name.replace('…', 'x')} is set", declared)
