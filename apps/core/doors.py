"""What a route says of itself: who is let in, for which action on what, and how much of it.

Each app declares its routes in a `doors.py` beside its `urls.py`:

    declare(Login.SESSION, {
        "web:card": methods(GET=view("version")),
        "web:move": methods(POST=may("move", "version", "version.move")),
    })

Policies still decide: a door says what they are asked. The matrix of permissions in the tests and
the documentation is made from the doors alone, so that a view that asks something else is found.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

KB, MB = 1024, 1024**2
ANY = "*"


class Login(StrEnum):
    """How somebody shows who he is."""

    NONE = "nothing"
    SESSION = "session"
    # Whoever is none is led to the page for signing in, as if he were not signed in.
    ADMINISTRATOR = "session of an administrator"
    # Where MLflow's pages are shown, which know of no other.
    PAGES = "sign-on of MLflow's pages"
    TOKEN = "token"
    EITHER = "session or token"
    KEY = "session, token or API key"


class Who(StrEnum):
    ANYBODY = "anybody"
    # Whoever is signed in already is led on.
    SIGNED_OUT = "whoever is not signed in"
    # Others are led to the page for signing in, and whoever is signed in is led on.
    HALFWAY = "whoever has given his password, and is asked for more"
    TICKET = "who brings a ticket from mlgov"
    VOUCHED = "for whom a sign-on provider vouches"
    EVERYBODY = "everybody who is signed in"
    ALLOWED = "whom the policy allows the action"
    OWNER = "the person whose it is"
    GROUP = "administrators, and members of a group"
    ADMINISTRATORS = "administrators"
    NOBODY = "nobody"


class Author(StrEnum):
    """What it changes that somebody wrote or asked for the object himself."""

    NOTHING = ""
    TOO = "too"  # he may as well, whatever his role
    ONLY = "only"  # nobody else may, not even an administrator


class Rate(StrEnum):
    """Classes of requests that are counted together, see `apps.core.counting`."""

    READ = "read"
    WRITE = "write"
    EXPENSIVE = "expensive"
    PREDICT = "predict"
    TRACKING = "tracking"
    SIGN_IN = "sign_in"
    NONE = "none"


READING = 64 * KB
FORM = 5 * MB


@dataclass(frozen=True)
class Door:
    """One method of one route."""

    who: Who
    # What the policy is asked for, and about what.
    action: str = ""
    on: str = ""
    # Audit actions that it may write; none for reads.
    writes: tuple[str, ...] = ()
    author: Author = Author.NOTHING
    # Those whom it lets in beside administrators.
    group: str = ""
    # For whoever may not, the thing does not exist: 404 and not 403.
    hidden: bool = False
    # Only the role in the project counts: neither administrators nor global roles do.
    members_only: bool = False
    # Whoever is in no project at all is told that, whatever he asks for: 403.
    in_a_project: bool = False
    # A token that is limited to actions or projects does not do.
    whole: bool = False
    # Whoever is let in and names what there is not is led to a list, and not told 404.
    led_on: bool = False
    # Administrators are let in to what is other people's own.
    administrators_too: bool = False
    # What outside of mlgov has to answer before this does.
    asks: str = ""
    rate: Rate = Rate.READ
    body: int = READING
    login: Login = Login.SESSION


Methods = Mapping[str, Door]


@dataclass(frozen=True)
class Inner:
    """One of the calls behind a route that takes a whole tree of addresses."""

    method: str
    pattern: str
    door: Door


@dataclass(frozen=True)
class Beside:
    """What is answered before any route is looked up, such as on another host."""

    calls: tuple[Inner, ...]
    # Method and pattern of all that it answers, as it knows them itself.
    answers: Callable[[], set[tuple[str, str]]]


def view(on: str, **further: Any) -> Door:
    return Door(Who.ALLOWED, "view", on, **further)


def may(action: str, on: str, *writes: str, **further: Any) -> Door:
    """Something that a role, a grant or a rule lets a person do to an object."""
    return _writing(Who.ALLOWED, writes, action=action, on=on, **further)


def everybody(*writes: str, **further: Any) -> Door:
    """Whoever is signed in; what he may not see is left out of the answer."""
    if writes:
        return _writing(Who.EVERYBODY, writes, **further)
    return Door(Who.EVERYBODY, **further)


def own(on: str, *writes: str, **further: Any) -> Door:
    return _writing(Who.OWNER, writes, on=on, whole=True, **further)


def own_list(on: str, *writes: str, **further: Any) -> Door:
    """All that is the person's own: everybody has that, if it is nothing."""
    return everybody(*writes, on=on, whole=True, **further)


def group(name: str, on: str, *writes: str, **further: Any) -> Door:
    return _writing(Who.GROUP, writes, group=name, on=on, whole=True, **further)


def administrators(on: str, *writes: str, **further: Any) -> Door:
    return _writing(Who.ADMINISTRATORS, writes, on=on, whole=True, **further)


def nobody(on: str, **further: Any) -> Door:
    """What a library would do, and mlgov refuses."""
    return Door(Who.NOBODY, on=on, **further)


def anybody(*writes: str, **further: Any) -> Door:
    return Door(Who.ANYBODY, writes=writes, **further)


def signing_in(*writes: str, who: Who = Who.SIGNED_OUT) -> Door:
    """A step on the way in, for which it is too late once somebody is."""
    return Door(who, writes=writes, rate=Rate.SIGN_IN)


def _writing(who: Who, writes: tuple[str, ...], **further: Any) -> Door:
    given: dict[str, Any] = {"rate": Rate.WRITE, "body": FORM, **further}
    return Door(who, writes=writes, **given)


def methods(**doors: Door) -> Methods:
    """HEAD goes through the door of GET; every method that is not named here is refused."""
    return {
        method: door if method != "GET" else replace(door, body=READING)
        for method, door in doors.items()
    }


def any_method(door: Door) -> Methods:
    """For a route that tells methods apart itself."""
    return {ANY: door}


# Name of the route with its name space, or its pattern where it has no name -> methods.
DECLARED: dict[str, Methods] = {}
INNER: dict[str, tuple[Inner, ...]] = {}
BESIDE: dict[str, Beside] = {}


def declare(login: Login, routes: Mapping[str, Methods]) -> None:
    """To be called once for each route, when the module is imported."""
    for name, doors in routes.items():
        if name in DECLARED:
            raise ValueError(f"The route {name} is declared twice.")
        DECLARED[name] = {method: replace(door, login=login) for method, door in doors.items()}


def declare_inner(name: str, login: Login, calls: list[Inner]) -> None:
    INNER[name] = _by(login, calls)


def declare_beside(
    name: str, login: Login, calls: list[Inner], *, answers: Callable[[], set[tuple[str, str]]]
) -> None:
    BESIDE[name] = Beside(_by(login, calls), answers)


def _by(login: Login, calls: list[Inner]) -> tuple[Inner, ...]:
    return tuple(replace(call, door=replace(call.door, login=login)) for call in calls)
