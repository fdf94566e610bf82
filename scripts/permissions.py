"""What each kind of person gets at each door: from the declaration and the roles, nothing else.

The table in the documentation shows it, and `tests/permissions` knocks at every door to see whether
it is so.
"""

from dataclasses import dataclass
from enum import StrEnum

from apps.accounts.people import PROVISIONERS
from apps.core.doors import Author, Door, Login, Who
from apps.projects.roles import ACTIONS, AUDITORS, GLOBAL_ACTIONS, INFRASTRUCTURE_ADMINS, Role


class Answer(StrEnum):
    YES = "yes"
    SIGN_IN = "sign in"
    NO = "no"
    NOT_THERE = "-"
    LED_ON = "led on"


SESSIONS = (Login.SESSION, Login.ADMINISTRATOR, Login.PAGES)


@dataclass(frozen=True)
class Kind:
    """A kind of person. The role is the one in the project that is his."""

    name: str
    title: str
    role: Role | None = None
    group: str = ""
    is_administrator: bool = False
    is_known: bool = True
    # Asked for the review, and wrote the comment.
    is_author: bool = False
    # What his token is limited to; None for all that he may.
    limits: frozenset[str] | None = None

    @property
    def is_in_a_project(self) -> bool:
        sees_all = "view" in GLOBAL_ACTIONS.get(self.group, ())
        return self.role is not None or self.is_administrator or sees_all


KINDS = (
    Kind("anonymous", "Nobody", is_known=False),
    Kind("stranger", "Stranger"),
    Kind("viewer", "Viewer", Role.VIEWER),
    Kind("reviewer", "Reviewer", Role.REVIEWER),
    Kind("scientist", "Data scientist, author", Role.DATA_SCIENTIST, is_author=True),
    Kind("maintainer", "Maintainer", Role.MAINTAINER),
    Kind("owner", "Owner", Role.OWNER),
    Kind("project_auditor", "Auditor of the project", Role.AUDITOR),
    Kind("auditor", "Auditor", group=AUDITORS),
    Kind("infrastructure", "Infrastructure admin", group=INFRASTRUCTURE_ADMINS),
    Kind("provisioner", "Provisioner", group=PROVISIONERS),
    Kind("administrator", "Administrator", is_administrator=True),
    Kind("limited", "Owner's token for reading", Role.OWNER, limits=frozenset({"view"})),
)


def answer(door: Door, kind: Kind, *, is_own: bool = True) -> Answer:
    """What somebody gets who asks for a thing of his project, or of his own; or for another's."""
    is_limited = kind.limits is not None
    if door.who is Who.ANYBODY:
        return Answer.YES
    if door.who is Who.VOUCHED:
        return Answer.SIGN_IN
    if door.who is Who.TICKET:
        return Answer.NO
    if door.who in (Who.SIGNED_OUT, Who.HALFWAY):
        # A token is no session.
        if kind.is_known and not is_limited:
            return Answer.LED_ON
        return Answer.YES if door.who is Who.SIGNED_OUT else Answer.SIGN_IN
    if not kind.is_known or (is_limited and door.login in SESSIONS):
        return Answer.SIGN_IN
    if door.login is Login.ADMINISTRATOR and not kind.is_administrator:
        return Answer.SIGN_IN
    if door.in_a_project and not kind.is_in_a_project:
        return Answer.NO
    refused = Answer.NOT_THERE if door.hidden else Answer.NO
    if door.who is Who.ALLOWED:
        return _judged(door, kind, is_own)
    if door.who is Who.NOBODY or (door.whole and is_limited):
        return refused
    if door.who is Who.EVERYBODY:
        return Answer.YES
    if door.who is Who.OWNER:
        others = kind.is_administrator and door.administrators_too
        return Answer.YES if is_own or others else Answer.NOT_THERE
    in_group = bool(door.group) and kind.group == door.group
    return Answer.YES if kind.is_administrator or in_group else refused


def answer_for_nothing(door: Door, kind: Kind) -> Answer:
    """What somebody gets who names what there is not."""
    given = answer(door, kind, is_own=False)
    if given is Answer.YES:
        return Answer.LED_ON if door.led_on else Answer.NOT_THERE
    is_told_so = door.in_a_project and not kind.is_in_a_project
    if door.who is Who.ALLOWED and given is Answer.NO and not is_told_so:
        return Answer.NOT_THERE
    return given


def _judged(door: Door, kind: Kind, is_own: bool) -> Answer:
    role = kind.role if is_own else None
    by_role = ACTIONS[role] if role else frozenset()
    actions = by_role | GLOBAL_ACTIONS.get(kind.group, frozenset())
    if kind.limits is not None:
        actions &= kind.limits
    in_group = bool(door.group) and kind.group == door.group
    allowed = kind.is_administrator or in_group or door.action in actions
    if door.members_only:
        allowed = door.action in by_role & actions
    is_author = kind.is_author and is_own
    if door.author is Author.ONLY:
        allowed = is_author and door.action in actions
    elif door.author is Author.TOO:
        allowed = allowed or is_author
    if allowed and not (door.whole and kind.limits is not None):
        return Answer.YES
    sees = kind.is_administrator or "view" in actions
    return Answer.NO if sees and not door.hidden else Answer.NOT_THERE
