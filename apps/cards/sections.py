"""Sections of cards that are not for everybody: who reads them, who edits them, whose they are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, Value

from apps.access import rulebook
from apps.access.conditions import Declared, read
from apps.accounts.models import User
from apps.cards.models import SectionRight, SectionRule
from apps.cards.schema import SECTIONS
from apps.core.context import current
from apps.core.errors import Invalid, NotPermitted
from apps.projects.models import Membership, Project
from apps.projects.roles import AUDITORS, Role
from apps.registry import policies
from apps.registry.models import ModelVersion

# Name and description go to MLflow's client and to lists; the tier decides what gates ask for.
FOR_EVERYBODY = frozenset({"overview", "classification"})
NOTHING: frozenset[str] = frozenset()
NO_PROJECT = 0
ASK = "Ask one of them, or an owner of the project."


@dataclass(frozen=True)
class Position:
    """What a person is in a project, as rules about sections name people."""

    role: str = ""
    capacities: frozenset[str] = NOTHING


NOBODY = Position()


@dataclass(frozen=True)
class Rights:
    """What rules about sections mean for one person in one project, by key of the section.

    `kept` are those that he may read and not edit; `own` those that are his in a review.
    """

    hidden: frozenset[str] = NOTHING
    kept: frozenset[str] = NOTHING
    own: frozenset[str] = NOTHING
    # By right and section: whom the rules name, in words.
    people: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def why_not_read(self, section: str) -> str:
        """That somebody else reads it, in a sentence; empty where the person may."""
        return self._sentence("read", SectionRight.READ, section) if section in self.hidden else ""

    def why_not_edit(self, section: str) -> str:
        if section in self.kept:
            return self._sentence("edit", SectionRight.EDIT, section)
        return self.why_not_read(section)

    @property
    def told(self) -> str:
        """What is left out of a card, and who reads it; empty where nothing is."""
        if not self.hidden:
            return ""
        named = [
            f"{title} ({self.people[SectionRight.READ, key]})"
            for key, title in _in_order(self.hidden)
        ]
        count = "1 section is" if len(named) == 1 else f"{len(named)} sections are"
        return f"{count} for others: {', '.join(named)}. {ASK}"

    def _sentence(self, verb: str, right: str, section: str) -> str:
        who = self.people[right, section]
        return f"You may not {verb} the section {title_of(section)}: it is for {who}. {ASK}"


NO_RULES = Rights()


def titles() -> dict[str, str]:
    """Every section that a card can have, by its key, in their order."""
    return {section.key: section.title for section in SECTIONS}


def title_of(key: str) -> str:
    return titles().get(key, key)


def hidden_sections(user: User, version: ModelVersion) -> frozenset[str]:
    """Keys of the sections that the person may not read on the card of this version."""
    return rights(user, version.model.project_id).hidden


def hidden_by_project(user: User) -> tuple[frozenset[str], dict[int, frozenset[str]]]:
    """Keys of hidden sections: those hidden everywhere, and all of a project where more are.

    For whatever goes through many versions. A project that is not named hides the former alone.
    """
    memo, key = current().memo, ("sections by project", user.pk)
    if memo is not None and key in memo:
        known: tuple[frozenset[str], dict[int, frozenset[str]]] = memo[key]
        return known
    found = _hidden_by_project(user)
    if memo is not None:
        memo[key] = found
    return found


def _hidden_by_project(user: Any) -> tuple[frozenset[str], dict[int, frozenset[str]]]:
    rules = list(SectionRule.objects.filter(right=SectionRight.READ))
    if not rules:
        return NOTHING, {}
    if user.pk is None:
        return frozenset(rule.section for rule in rules), {}
    person = _Person(user)
    if person.reads_all:
        return NOTHING, {}
    asked = _Asked(person, rules)
    of_projects: dict[int, list[SectionRule]] = defaultdict(list)
    for rule in rules:
        of_projects[rule.project_id or NO_PROJECT].append(rule)
    everywhere = of_projects.pop(NO_PROJECT, [])

    def hidden_in(project: int) -> frozenset[str]:
        return asked.rights([*everywhere, *of_projects.get(project, [])], project).hidden

    elsewhere = hidden_in(NO_PROJECT)
    found = {pk: hidden_in(pk) for pk in {*person.positions, *of_projects}}
    in_all = elsewhere.intersection(*found.values())
    if in_all != elsewhere:
        # Something that is hidden from him elsewhere is shown to him where he is a member.
        others = Project.objects.exclude(pk__in=list(found)).order_by()
        found |= dict.fromkeys(others.values_list("pk", flat=True), elsewhere)
    return in_all, {pk: hidden for pk, hidden in found.items() if hidden != in_all}


def may_edit(user: User, version: ModelVersion, section: str) -> bool:
    """Whether the person may edit the card, and this section of it."""
    found = rights(user, version.model.project_id)
    if section in found.hidden or section in found.kept:
        return False
    return policies.versions.allows(user, "edit_card", version)


def rights(user: User, project: int) -> Rights:
    """What the rules mean for the person in the project. Asked once for each request."""
    memo, key = current().memo, ("sections", user.pk, project)
    if memo is not None and key in memo:
        found: Rights = memo[key]
        return found
    rules = list(SectionRule.objects.filter(Q(project=None) | Q(project=project)))
    found = NO_RULES
    if rules:
        found = _Asked(_Person(user, project), rules).rights(rules, project)
    if memo is not None:
        memo[key] = found
    return found


def section_of(pointer: str) -> str:
    """The section that a field is in, by its pointer."""
    return pointer.strip("/").split("/", 1)[0]


def require_readable(user: User, version: ModelVersion, pointers: Iterable[str]) -> None:
    """Raise `NotPermitted` where one of the fields is in a section that is hidden."""
    found = rights(user, version.model.project_id)
    for section in dict.fromkeys(map(section_of, pointers)):
        _refuse(found.why_not_read(section), section)


def require_editable(user: User, version: ModelVersion, pointers: Iterable[str]) -> None:
    """Raise `NotPermitted`, naming the section and who may, where one is not his to change."""
    found = rights(user, version.model.project_id)
    for section in dict.fromkeys(map(section_of, pointers)):
        _refuse(found.why_not_edit(section), section)


def told_people(rule: SectionRule) -> str:
    """Whom a rule names, in words."""
    labels = dict(Role.choices)
    people = [f"{labels.get(role, role).lower()}s" for role in rule.roles]
    people += [f"reviewers as {capacity}" for capacity in rule.capacities]
    people += [f"the group “{group}”" for group in rule.groups]
    if rule.conditions:
        people.append(f"whoever fulfils {' and '.join(rule.conditions)}")
    return " or ".join(people) or "administrators alone"


def titles_of(keys: Collection[str]) -> list[str]:
    """Titles in the order of the card."""
    return [title for _, title in _in_order(keys)]


def _in_order(keys: Collection[str]) -> list[tuple[str, str]]:
    known = titles()
    return [
        *((key, title) for key, title in known.items() if key in keys),
        *((key, key) for key in sorted(set(keys) - set(known))),
    ]


def _refuse(sentence: str, section: str) -> None:
    if sentence:
        raise NotPermitted(sentence, code="restricted_section", details={"section": section})


def _people(rules: Iterable[SectionRule]) -> dict[tuple[str, str], str]:
    """What holds everywhere before what a project adds: of all these, each keeps some."""
    told: dict[tuple[str, str], list[str]] = defaultdict(list)
    for rule in sorted(rules, key=lambda rule: rule.project_id or NO_PROJECT):
        told[rule.right, rule.section].append(told_people(rule))
    return {key: ", of them ".join(dict.fromkeys(people)) for key, people in told.items()}


class _Person:
    """What rules about sections ask of a person, read at once."""

    def __init__(self, user: User, project: int | None = None) -> None:
        self.user = user
        # A limited token of an administrator reaches what he reaches, where it reaches.
        limited = user.limits is not None and user.limits.of_administrator
        self.is_administrator = user.is_superuser or limited
        member = Membership.objects.filter(user=user).order_by()
        if project is not None:
            member = member.filter(project=project)
        in_groups = User.groups.through.objects.filter(user=user).order_by()
        rows = member.values_list("project", "role", "reviewer_roles__slug").union(
            in_groups.values_list(Value(NO_PROJECT), Value(""), "group__name"), all=True
        )
        self.groups: set[str] = set()
        self.positions: dict[int, Position] = {}
        for pk, role, name in rows:
            if pk == NO_PROJECT:
                self.groups.add(name)
                continue
            known = self.positions.get(pk, NOBODY).capacities
            self.positions[pk] = Position(role, known | ({name} if name else NOTHING))

    @property
    def reads_all(self) -> bool:
        return self.is_administrator or AUDITORS in self.groups


class _Asked:
    """Rules about sections, asked for one person: what does not depend on the project, once."""

    def __init__(self, person: _Person, rules: Iterable[SectionRule]) -> None:
        rules = list(rules)
        self._person = person
        declared = rulebook.declarations() if any(rule.conditions for rule in rules) else {}
        self._fulfilled = {rule.pk for rule in rules if _fulfils(person.user, rule, declared)}

    def rights(self, rules: Collection[SectionRule], project: int) -> Rights:
        position = self._person.positions.get(project, NOBODY)
        found: dict[str, set[str]] = {right: set() for right in SectionRight.values}
        for rule in rules:
            # What keeps people out names those who stay in; what is theirs names them.
            if self._names(rule, position) is (rule.right == SectionRight.RESPONSIBLE):
                found[rule.right].add(rule.section)
        hidden = found[SectionRight.READ]
        if self._person.reads_all or position.role == Role.AUDITOR:
            hidden = set()
        kept = set() if self._person.is_administrator else found[SectionRight.EDIT] - hidden
        own = found[SectionRight.RESPONSIBLE] - hidden
        return Rights(frozenset(hidden), frozenset(kept), frozenset(own), _people(rules))

    def _names(self, rule: SectionRule, position: Position) -> bool:
        return (
            position.role in rule.roles
            or not position.capacities.isdisjoint(rule.capacities)
            or not self._person.groups.isdisjoint(rule.groups)
            or rule.pk in self._fulfilled
        )


def _fulfils(user: User, rule: SectionRule, declared: Declared) -> bool:
    """Whether all its conditions hold. One that cannot be understood any more holds for nobody."""
    if not rule.conditions:
        return False
    try:
        conditions = [read(line, declared) for line in rule.conditions]
    except Invalid:
        return False
    return all(
        not (condition.entity or condition.wanted) and condition.holds(user, rulebook.NOTHING)
        for condition in conditions
    )
