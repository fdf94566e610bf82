"""Laying down whose a section of cards is, and who alone may read or edit it."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q, QuerySet

from apps.access import rulebook
from apps.access.conditions import MOST_CONDITIONS, read
from apps.accounts.models import User
from apps.accounts.services import require_no_limits
from apps.audit.services import record
from apps.cards.models import SectionRight, SectionRule
from apps.cards.sections import FOR_EVERYBODY, title_of, titles, told_people
from apps.core.context import forget
from apps.core.errors import Invalid, NotPermitted
from apps.projects import policies
from apps.projects.models import Project, ReviewerRole
from apps.projects.roles import Role

PEOPLE = ("roles", "capacities", "groups", "conditions")
MOST_NAMES = 50


def rules_in(project: Project) -> QuerySet[SectionRule]:
    """What holds in a project: the rules of all projects, and its own."""
    found = SectionRule.objects.filter(Q(project=None) | Q(project=project))
    return found.select_related("project")


@transaction.atomic
def set_rule(
    project: Project | None,
    *,
    section: str,
    right: str,
    by: User,
    **people: Iterable[str],
) -> tuple[SectionRule, bool]:
    """Name those whose the section is, or who alone may; in place of those who were named before.

    Without a project it holds in all of them. Says whether there was no such rule before.
    """
    require_rule_maker(by, project)
    _require_kind(section, right)
    rule = (
        SectionRule.objects.select_for_update(of=("self",))
        .filter(project=project, section=section, right=right)
        .first()
    )
    before = told(rule) if rule is not None else None
    rule = rule or SectionRule(project=project, section=section, right=right)
    for name in PEOPLE:
        setattr(rule, name, list(dict.fromkeys(people.get(name, ()))))
    require_sound(rule)
    if before == told(rule):
        return rule, False
    rule.save()
    forget()
    record(
        actor=by,
        action="section_rule.create" if before is None else "section_rule.edit",
        obj=rule,
        project=project,
        data={"now": told(rule)} | ({"before": before} if before is not None else {}),
    )
    return rule, before is None


@transaction.atomic
def remove_rule(rule: SectionRule, *, by: User) -> None:
    """From here on the section is for everybody whom no other rule keeps out."""
    require_rule_maker(by, rule.project)
    record(
        actor=by,
        action="section_rule.delete",
        obj=rule,
        project=rule.project,
        data={"before": told(rule)},
    )
    rule.delete()
    forget()


def require_sound(rule: SectionRule) -> None:
    """Raise `Invalid` with the place of what is wrong, for forms as for programs."""
    _require_kind(rule.section, rule.right)
    if rule.right == SectionRight.READ and rule.section in FOR_EVERYBODY:
        raise Invalid.at(
            "section",
            f"{title_of(rule.section)} is for everybody who sees the version: name, description "
            "and risk tier go to MLflow's client, to lists and to the gates of stages. Put what is "
            "not for everybody into another section.",
        )
    _require_known("roles", rule.roles, Role.values)
    slugs = ReviewerRole.objects.values_list("slug", flat=True)
    _require_known("capacities", rule.capacities, slugs)
    # No database keeps a NUL character, and one of them does not even look for it.
    asked = [name for name in rule.groups if "\x00" not in name]
    groups = Group.objects.filter(name__in=asked).values_list("name", flat=True)
    _require_known("groups", rule.groups, groups, told="")
    _require_conditions(rule.conditions)
    if not any(getattr(rule, name) for name in PEOPLE):
        raise Invalid.at(
            "roles",
            "Name at least one role, group or condition. To open the section for everybody, remove "
            "the rule.",
        )
    if rule.project_id is not None and rule.right != SectionRight.RESPONSIBLE:
        _require_stricter(rule)


def told(rule: SectionRule) -> dict[str, Any]:
    names = {name: list(getattr(rule, name)) for name in PEOPLE}
    return {"section": rule.section, "right": rule.right, **names}


def require_rule_maker(by: User, project: Project | None) -> None:
    """Raise unless the person lays down what holds in the project; without one, in all."""
    if project is not None:
        policies.projects.require(by, "manage_project", project)
        return
    require_no_limits(by)
    if not by.is_superuser:
        raise NotPermitted(
            "What holds for the sections of all projects is laid down by administrators. An owner "
            "of a project can be stricter there."
        )


def _require_kind(section: str, right: str) -> None:
    if section not in titles():
        known = ", ".join(titles())
        raise Invalid.at("section", f"No card has this section. There are: {known}.")
    if right not in SectionRight.values:
        raise Invalid.at("right", f"It is one of: {', '.join(SectionRight.values)}.")


def _require_known(
    field: str, names: list[str], known: Iterable[str], *, told: str = " There are: {}."
) -> None:
    if len(names) > MOST_NAMES:
        raise Invalid.at(field, f"A rule names at most {MOST_NAMES} of them.")
    known = list(known)
    if strange := [name for name in names if name not in known]:
        more = told.format(", ".join(known)) if known else ""
        raise Invalid.at(field, f"There is nothing called “{strange[0][:60]}”.{more}")


def _require_conditions(lines: list[str]) -> None:
    if len(lines) > MOST_CONDITIONS:
        raise Invalid.at("conditions", f"A rule has at most {MOST_CONDITIONS} conditions.")
    declared = rulebook.declarations() if lines else {}
    for number, line in enumerate(lines, start=1):
        try:
            condition = read(line, declared)
        except Invalid as refusal:
            raise Invalid.at("conditions", f"Condition {number}: {refusal.message}") from None
        if condition.entity or condition.wanted:
            raise Invalid.at(
                "conditions",
                f"Condition {number}: a section is kept by what is known of people alone, such as "
                'user.department is "risk". Roles in the project are chosen above.',
            )


def _require_stricter(rule: SectionRule) -> None:
    """What is added would do nothing, and whoever wrote it would believe that it does."""
    everywhere = SectionRule.objects.filter(
        project=None, section=rule.section, right=rule.right
    ).first()
    if everywhere is None:
        return
    for field in ("roles", "capacities", "groups"):
        names: list[str] = getattr(everywhere, field)
        more = [name for name in getattr(rule, field) if names and name not in names]
        if more:
            sentence = (
                f"In all projects, {title_of(rule.section)} is for {told_people(everywhere)}. A "
                f"project may be stricter, not weaker: “{more[0]}” is not among them. Name fewer "
                "of them, or ask an administrator."
            )
            raise Invalid(sentence, code="weaker", details={field: sentence})
