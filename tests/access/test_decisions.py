"""In the list, allowed, and explained are one decision: for random rules, grants, people, objects.

The oracle below knows nothing of the product's code: it holds plain facts in dictionaries, and each
condition comes with a function that says what it means.
"""

import operator
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from apps.access import policies, services
from apps.access.explanations import explain
from apps.access.models import Rule
from apps.accounts.models import Attribute, User
from apps.core.errors import Invalid
from apps.deployments.models import Endpoint
from apps.projects.models import Visibility
from apps.projects.roles import ACTIONS, Role
from apps.registry.models import ModelTag, VersionTag
from apps.stages.models import Placement
from tests import factories

DEPARTMENTS, LEVELS, REGIONS = ("risk", "fraud", "it's"), ("low", "mid", "high"), ("eu", "us", "ü")
ASKED = ("view", "register", "predict", "deploy")
Facts = dict[str, Any]
Truth = Callable[[Facts, Facts], bool]


def positive(test: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    return left is not None and right is not None and bool(test(left, right))


def rank(test: Callable[[Any, Any], bool]) -> Callable[[str, str], bool]:
    return lambda left, right: test(LEVELS.index(left), LEVELS.index(right))


ORDERS = {
    "is at least": (operator.ge, False),
    "is below": (operator.ge, True),
    "is at most": (operator.le, False),
    "is above": (operator.le, True),
}


def quoted(value: str) -> str:
    return f'"{value}"'


def some_condition(chance: random.Random) -> tuple[str, Truth]:
    """A line of a rule, and what it means. Objects are one dictionary: "project.sensitivity"."""
    kind = chance.randrange(11)
    negated = chance.random() < 0.4
    department, level = chance.choice(DEPARTMENTS), chance.choice(LEVELS)
    region, number = chance.choice(REGIONS), chance.randrange(4)
    if kind == 0:
        of = chance.choice(["user", "project", "model"])
        text = f"{of}.department {'is not' if negated else 'is'} {quoted(department)}"
        return (
            text,
            lambda u, o: (
                positive(operator.eq, (u | o).get(f"{of}.department"), department) is not negated
            ),
        )
    if kind == 1:
        return (
            f"user.department {'is not' if negated else 'is'} project.department",
            lambda u, o: (
                positive(operator.eq, u.get("user.department"), o.get("project.department"))
                is not negated
            ),
        )
    if kind == 2:
        word, (test, turned) = chance.choice(list(ORDERS.items()))
        of = chance.choice(["project", "version"])
        return (
            f"user.clearance {word} {of}.sensitivity",
            lambda u, o: (
                positive(rank(test), u.get("user.clearance"), o.get(f"{of}.sensitivity"))
                is not turned
            ),
        )
    if kind == 3:
        word, (test, turned) = chance.choice(list(ORDERS.items()))
        return (
            f"version.sensitivity {word} {quoted(level)}",
            lambda u, o: positive(rank(test), o.get("version.sensitivity"), level) is not turned,
        )
    if kind == 4:
        word, (test, turned) = chance.choice(list(ORDERS.items()))
        right = chance.choice([str(number), "user.quota"])
        return (
            f"project.quota {word} {right}",
            lambda u, o: (
                positive(
                    test, o.get("project.quota"), u.get("user.quota") if "." in right else number
                )
                is not turned
            ),
        )
    if kind == 5:
        of = chance.choice(["user", "project"])
        return (
            f"{of}.regions {'has no' if negated else 'has'} {quoted(region)}",
            lambda u, o: (
                positive(operator.contains, (u | o).get(f"{of}.regions"), region) is not negated
            ),
        )
    if kind == 6:
        return (
            f"user.regions {'has no' if negated else 'has'} project.region",
            lambda u, o: (
                positive(operator.contains, u.get("user.regions"), o.get("project.region"))
                is not negated
            ),
        )
    if kind == 7:
        of = chance.choice(["model", "version"])
        text = f"{of}.tags.checked {'is not' if negated else 'is'} {quoted(level)}"
        return (
            text,
            lambda u, o: positive(operator.eq, o.get(f"{of}.tags.checked"), level) is not negated,
        )
    if kind == 8:
        word = "is not one of" if negated else "is one of"
        return (
            f'version.stage {word} "staging", "production"',
            lambda u, o: (
                positive(lambda a, b: a in b, o.get("version.stage"), ("staging", "production"))
                is not negated
            ),
        )
    if kind == 9:
        of = chance.choice(["user.department", "project.sensitivity", "version.tags.checked"])
        return (
            f"{of} {'is not set' if negated else 'is set'}",
            lambda u, o: ((u | o).get(of) not in (None, [])) is not negated,
        )
    role = chance.choice(list(Role.values))
    word = "is not" if negated else "is"
    return (
        f"user.role {word} {quoted(role)}",
        lambda u, o: (u["roles"].get(o.get("project.pk")) == role) is not negated,
    )


@dataclass
class Told:
    """A rule as the oracle knows it."""

    effect: str
    actions: list[str]
    entities: set[str]
    truths: list[Truth]


@dataclass
class Invented:
    people: list[tuple[User, Facts]] = field(default_factory=list)
    # object, kinds it leads to, facts
    objects: list[tuple[Any, set[str], Facts]] = field(default_factory=list)
    rules: list[Told] = field(default_factory=list)
    # whose (person key or group name), action, kind and key of the object
    grants: set[tuple[str, str, str, int]] = field(default_factory=set)

    def allowed(self, person: Facts, action: str, kinds: set[str], facts: Facts) -> bool:
        project = facts.get("project.pk")
        may = action in ACTIONS.get(person["roles"].get(project, ""), ())
        if facts.get("internal") and action in ACTIONS[Role.VIEWER]:
            may = True
        for whose in (f"person {person['pk']}", *(f"group {name}" for name in person["groups"])):
            may |= any((whose, action, kind, facts[f"{kind}.pk"]) in self.grants for kind in kinds)
        hits = [
            rule
            for rule in self.rules
            if action in rule.actions
            and rule.entities <= kinds
            and all(truth(person, facts) for truth in rule.truths)
        ]
        may |= any(rule.effect == "allow" for rule in hits)
        return may and not any(rule.effect == "deny" for rule in hits)


def maybe(chance: random.Random, values: Any) -> Any:
    return chance.choice([None, *values])


def invent(chance: random.Random) -> Invented:
    found = Invented()
    kinds = {
        "department": "text", "clearance": "choice", "sensitivity": "choice", "quota": "number",
        "regions": "list", "region": "text",
    }  # fmt: skip
    about = {
        "person": ["department", "clearance", "quota", "regions"],
        "project": ["department", "sensitivity", "quota", "regions", "region"],
        "model": ["department"],
        "version": ["sensitivity"],
    }
    for what, names in about.items():
        for name in names:
            values = list(LEVELS) if kinds[name] == "choice" else []
            Attribute.objects.create(about=what, name=name, kind=kinds[name], values=values)
    owner = factories.make_user("founder")
    group = Group.objects.create(name="team")
    stages = {slug: factories.make_stage(slug) for slug in ("staging", "production", "archived")}
    environment = factories.make_environment()
    projects = []
    for number in range(3):
        attributes = {
            name: value
            for name, value in {
                "department": maybe(chance, DEPARTMENTS),
                "sensitivity": maybe(chance, LEVELS),
                "quota": maybe(chance, range(4)),
                "regions": maybe(chance, [["eu"], ["us", "ü"], []]),
                "region": maybe(chance, REGIONS),
            }.items()
            if value is not None
        }
        internal = chance.random() < 0.25
        project = factories.make_project(
            f"p{number}",
            owner=owner,
            attributes=attributes,
            visibility=Visibility.INTERNAL if internal else Visibility.PRIVATE,
        )
        facts = {f"project.{name}": value for name, value in attributes.items()}
        facts |= {"project.pk": project.pk, "internal": internal}
        projects.append(project)
        found.objects.append((project, {"project"}, facts))
        for _ in range(2):
            model = factories.make_model(project)
            of_model = {**facts, "model.pk": model.pk}
            if department := maybe(chance, DEPARTMENTS):
                model.attributes = {"department": department}
                model.save()
                of_model["model.department"] = department
            if checked := maybe(chance, LEVELS):
                ModelTag.objects.create(model=model, key="checked", value=checked)
                ModelTag.objects.create(model=model, key="other", value="low")
                of_model["model.tags.checked"] = checked
            found.objects.append((model, {"project", "model"}, of_model))
            endpoint = Endpoint.objects.create(
                project=project, environment=environment, model=model, slug=f"e{model.pk}"
            )
            found.objects.append(
                (
                    endpoint,
                    {"project", "model", "endpoint", "environment"},
                    {**of_model, "endpoint.pk": endpoint.pk, "environment.pk": environment.pk},
                )
            )
            for _ in range(2):
                level = maybe(chance, LEVELS)
                version = factories.make_version(
                    model, by=owner, attributes={"sensitivity": level} if level else {}
                )
                of_version = {**of_model, "version.pk": version.pk, "version.sensitivity": level}
                if slug := maybe(chance, stages):
                    Placement.objects.create(version=version, stage=stages[slug])
                    of_version["version.stage"] = slug
                if checked := maybe(chance, LEVELS):
                    VersionTag.objects.create(version=version, key="checked", value=checked)
                    of_version["version.tags.checked"] = checked
                found.objects.append((version, {"project", "model", "version"}, of_version))
    for number in range(4):
        attributes = {
            name: value
            for name, value in {
                "department": maybe(chance, DEPARTMENTS),
                "clearance": maybe(chance, LEVELS),
                "quota": maybe(chance, range(4)),
                "regions": maybe(chance, [["eu", "us"], ["ü"], []]),
            }.items()
            if value is not None
        }
        user = factories.make_user(f"person-{number}", attributes=attributes)
        roles = {}
        for project in projects:
            if role := maybe(chance, list(Role.values)):
                factories.join(project, user, role)
                roles[project.pk] = role
        groups = ["team"] if chance.random() < 0.5 else []
        if groups:
            user.groups.add(group)
        facts = {f"user.{name}": value for name, value in attributes.items()}
        found.people.append((user, {**facts, "roles": roles, "groups": groups, "pk": user.pk}))
    administrator = factories.make_user("administrator", is_superuser=True)
    for number in range(7):
        make_rule(found, chance, number, by=administrator)
    for _ in range(6):
        make_grant(found, chance, group, by=administrator)
    return found


def make_rule(found: Invented, chance: random.Random, number: int, *, by: User) -> None:
    conditions = [some_condition(chance) for _ in range(chance.randrange(1, 4))]
    effect = chance.choice(["allow", "deny"])
    actions = chance.sample(ASKED, chance.randrange(1, 3))
    try:
        services.create_rule(
            name=f"rule {number}",
            effect=effect,
            actions=actions,
            conditions=[text for text, _ in conditions],
            # One is switched off, one is over.
            is_active=number != 5,
            valid_until=timezone.now() + timedelta(days=1),
            by=by,
        )
    except Invalid as refusal:
        # Rules about things that never come together are refused, and nothing else is.
        if "would never hold" in refusal.message:
            return
        raise
    if number == 6:
        Rule.objects.filter(name="rule 6").update(valid_until=timezone.now() - timedelta(hours=1))
    if number >= 5:
        return
    entities = {word.partition(".")[0] for text, _ in conditions for word in text.split()} & {
        "project",
        "model",
        "version",
    }
    if any(text.startswith("user.role ") for text, _ in conditions):
        entities.add("project")
    found.rules.append(Told(effect, actions, entities, [truth for _, truth in conditions]))


def make_grant(found: Invented, chance: random.Random, group: Group, *, by: User) -> None:
    obj = chance.choice([row[0] for row in found.objects if len(row[1]) > 1])
    kind = type(obj)._meta.model_name.replace("registeredmodel", "model")
    kind = kind.replace("modelversion", "version")
    to: Any = chance.choice([group, *(user for user, _ in found.people)])
    action = chance.choice(["view", "predict", "deploy"])
    expired = chance.random() < 0.25
    given = services.give(obj, to=to, actions=[action], by=by)
    whose = f"group {to.name}" if isinstance(to, Group) else f"person {to.pk}"
    for grant in given:
        if expired:
            grant.expires_at = timezone.now() - timedelta(minutes=1)
            grant.save()
        held = (whose, grant.permission.codename, kind, obj.pk)
        found.grants.discard(held)
        if not expired:
            found.grants.add(held)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))]
)
def test_lists_single_objects_and_explanations_agree_with_what_was_said(seed: int) -> None:
    chance = random.Random(seed)
    world = invent(chance)
    told_apart = set()
    for user, person in world.people:
        user = User.objects.get(pk=user.pk)
        for action in ASKED:
            listed = {
                kind: set(
                    policies.BY_KIND[kind].visible_to(user, action).values_list("pk", flat=True)
                )
                for kind in {obj._meta.label_lower for obj, _, _ in world.objects}
            }
            for obj, kinds, facts in world.objects:
                expected = world.allowed(person, action, kinds, facts)
                in_list = obj.pk in listed[obj._meta.label_lower]
                assert in_list is expected, (user, action, obj, list(Rule.objects.values()))
                assert policies.of(obj).allows(user, action, obj) is expected
                told_apart.add(expected)
            obj, _, _ = chance.choice(world.objects)
            found = explain(user, action, obj)
            assert found.allowed is (obj.pk in listed[obj._meta.label_lower])
            # Whatever is allowed has a reason, and what is denied by a rule names it.
            assert any(reason.allows for reason in found.reasons) or not found.allowed
    assert told_apart == {True, False}
