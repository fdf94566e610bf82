"""A rule is tried before it holds: what is told is what then happens."""

import random

import pytest

from apps.access import dry_run, policies, services
from apps.access.models import Rule
from apps.accounts.models import Attribute, User
from apps.projects.models import Project
from apps.registry.models import ModelVersion, VersionTag
from tests.access.test_decisions import invent, some_condition


def test_a_new_denial_tells_who_loses_what_with_examples_and_changes_nothing(
    project: Project, version: ModelVersion, data_scientist: User, viewer: User
) -> None:
    VersionTag.objects.create(version=version, key="secret", value="yes")
    rule = Rule(
        name="Secret versions",
        effect="deny",
        actions=["view", "edit_card"],
        conditions=['version.tags.secret is "yes"', 'user.role is "data_scientist"'],
    )
    services.require_sound(rule)

    found = dry_run.compare(None, rule)

    assert found.is_whole
    told = {(c.person, c.action, c.noun, c.gains, c.loses, c.examples) for c in found.changes}
    assert (data_scientist, "view", "version", 0, 1, (str(version),)) in told
    assert (data_scientist, "edit_card", "version", 0, 1, (str(version),)) in told
    assert {change.person for change in found.changes} == {data_scientist}
    assert not Rule.objects.exists()
    assert policies.of(version).allows(data_scientist, "view", version)


def test_what_is_taken_away_comes_back_where_the_rule_is_switched_off_or_deleted(
    version: ModelVersion, viewer: User, administrator: User
) -> None:
    rule = services.create_rule(
        name="Closed", effect="deny", actions=["view"], conditions=[], by=administrator
    )
    found = dry_run.compare(rule, None, people=User.objects.filter(pk=viewer.pk))
    assert {(c.noun, c.gains, c.loses) for c in found.changes} >= {("version", 1, 0)}

    rule.is_active = False
    services.change_rule(rule, is_active=False, by=administrator)
    assert dry_run.compare(rule, None).changes == []


def test_a_rule_about_what_is_wanted_is_tried_for_that(
    version: ModelVersion, owner: User, administrator: User
) -> None:
    rule = Rule(
        name="Production by hand",
        effect="deny",
        actions=["move"],
        conditions=['wanted.stage is "production"'],
    )
    found = dry_run.compare(None, rule, people=User.objects.filter(pk=owner.pk))
    assert found.wanted == {"stage": "production"}
    assert [(c.action, c.noun, c.loses) for c in found.changes] == [("move", "version", 1)]


def test_it_says_how_far_it_came_where_there_was_no_time(viewer: User) -> None:
    rule = Rule(name="Any", effect="deny", actions=["view"], conditions=[])
    found = dry_run.compare(None, rule, longest=0)
    assert (found.examined, found.is_whole, found.changes) == (0, False, [])


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_what_is_told_beforehand_is_what_happens(seed: int) -> None:
    chance = random.Random(1000 + seed)
    world = invent(chance)
    administrator = User.objects.get(username="administrator")
    for number in range(4):
        rule = Rule(
            name=f"tried {number}",
            effect=chance.choice(["allow", "deny"]),
            actions=["view", "register"],
            conditions=[some_condition(chance)[0] for _ in range(chance.randrange(1, 3))],
        )
        try:
            services.require_sound(rule)
        except services.Invalid:
            continue
        told = {
            (c.person.pk, c.action, c.noun): (c.gains, c.loses)
            for c in dry_run.compare(None, rule).changes
        }
        before = _rights(world)
        fields = {n: getattr(rule, n) for n in ("name", "effect", "actions", "conditions")}
        saved = services.create_rule(**fields, by=administrator)
        after = _rights(world)
        happened = {
            key: (len(after[key] - before[key]), len(before[key] - after[key]))
            for key in before
            if before[key] != after[key]
        }
        nouns = {noun for _, _, noun in before}
        assert {k: v for k, v in told.items() if k[2] in nouns} == happened
        assert Attribute.objects.exists()
        assert dry_run.compare(saved, saved).changes == []


def _rights(world: object) -> dict[tuple[int, str, str], set[int]]:
    people = User.objects.filter(is_superuser=False)
    kinds = [p for p in policies.BY_KIND.values() if p.noun in ("project", "model", "version")]
    return {
        (user.pk, action, policy.noun): {o.pk for o in policy.visible_to(user, action)}
        for user in people
        for action in ("view", "register")
        for policy in kinds
    }
