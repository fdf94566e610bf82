"""Lists and single decisions with 10,000 models, 500 people, 50 groups, 200 rules, 100,000 grants.

On PostgreSQL, for one data scientist: with roles alone, with rules and grants, and, for the grants
alone, what a Django project would take instead: guardian's own shortcuts on the same number of rows
of its own tables.
"""

import benchmarks.with_django  # noqa: F401  isort: skip

import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import get_objects_for_user
from rich.console import Console
from rich.table import Table

from apps.access import policies, services
from apps.access.explanations import explain
from apps.access.models import GroupGrant, Rule, UserGrant
from apps.accounts.models import Attribute, User
from apps.core.context import acting
from apps.projects.models import Membership, Project
from apps.registry.models import ModelTag, ModelVersion, RegisteredModel
from apps.registry.states import VersionState
from benchmarks import on_postgres
from tests import factories

MODELS, PEOPLE, GROUPS, RULES, GRANTS, PROJECTS = 10_000, 500, 50, 200, 100_000, 100
DEPARTMENTS = [f"department-{number}" for number in range(20)]
LEVELS = ["public", "internal", "confidential", "secret"]
ROUNDS = 20
PAGES = ("/models", "/projects", "/audit", "/api/v1/models")


def make_world() -> User:
    """Everybody and everything but rules and grants. Returns the person who asks."""
    chance = random.Random(7)
    for about, name, kind, values in (
        ("person", "department", "choice", DEPARTMENTS),
        ("person", "clearance", "choice", LEVELS),
        ("project", "department", "choice", DEPARTMENTS),
        ("project", "sensitivity", "choice", LEVELS),
    ):
        Attribute.objects.create(about=about, name=name, kind=kind, values=values)
    owner = factories.make_user("owner")
    people = [
        User(
            username=f"person-{number}",
            email=f"person-{number}@example.org",
            attributes={
                "department": DEPARTMENTS[number % len(DEPARTMENTS)],
                "clearance": chance.choice(LEVELS),
            },
        )
        for number in range(PEOPLE)
    ]
    User.objects.bulk_create(people)
    groups = [Group(name=f"group-{number}") for number in range(GROUPS)]
    Group.objects.bulk_create(groups)
    for group in groups:
        group.user_set.add(*chance.sample(people, 30))  # type: ignore[attr-defined]
    projects = [
        Project(
            slug=f"project-{number}",
            name=f"Project {number}",
            created_by=owner,
            attributes={
                "department": DEPARTMENTS[number % len(DEPARTMENTS)],
                "sensitivity": chance.choice(LEVELS),
            },
        )
        for number in range(PROJECTS)
    ]
    Project.objects.bulk_create(projects)
    Membership.objects.bulk_create(
        Membership(project=project, user=user, role=chance.choice(["data_scientist", "viewer"]))
        for user in people
        for project in chance.sample(projects, 5)
    )
    models = RegisteredModel.objects.bulk_create(
        RegisteredModel(
            project=projects[number % PROJECTS], name=f"model-{number:05}", created_by=owner
        )
        for number in range(MODELS)
    )
    ModelVersion.objects.bulk_create(
        ModelVersion(
            model=model,
            number=number,
            state=VersionState.READY,
            artifact_digest=f"sha256:{'0' * 64}",
            source="models:/m-1",
            registered_by=owner,
        )
        for model in models
        for number in (1, 2)
    )
    ModelTag.objects.bulk_create(
        ModelTag(model=model, key="tier", value=chance.choice("123")) for model in models
    )
    return people[0]


def make_rules_and_grants() -> None:
    chance = random.Random(8)
    administrator = factories.make_user("administrator", is_superuser=True)
    for number in range(RULES):
        department, level = DEPARTMENTS[number % 20], chance.choice(LEVELS)
        kind = number % 4
        services.create_rule(
            name=f"rule {number}",
            effect="deny" if kind < 2 else "allow",
            actions=["view", "register"] if number % 2 else ["view", "delete"],
            conditions=[
                f'user.department is "{department}"',
                (
                    f'project.sensitivity is not one of "{level}", "public"',
                    f'model.tags.tier is "{number}"',
                    f'project.sensitivity is at most "{level}"',
                    f'model.name is "model-{number:05}"',
                )[kind],
            ],
            by=administrator,
        )
    kind_of_model = ContentType.objects.get_for_model(RegisteredModel)
    permission = Permission.objects.get_or_create(
        content_type=kind_of_model, codename="view", defaults={"name": "Can view"}
    )[0]
    models = list(RegisteredModel.objects.values_list("pk", flat=True))
    people = list(User.objects.filter(username__startswith="person-"))
    groups = list(Group.objects.all())
    given = {"permission": permission, "content_type": kind_of_model}
    to_people, to_groups = GRANTS * 9 // 10, GRANTS // 10
    for model, guardians, holders, number, whom in (
        (UserGrant, UserObjectPermission, people, to_people, "user"),
        (GroupGrant, GroupObjectPermission, groups, to_groups, "group"),
    ):
        pairs = [
            (holder, str(pk))
            for holder in holders
            for pk in chance.sample(models, number // len(holders))
        ]
        for kind, more in ((model, {"given_by": administrator}), (guardians, {})):
            kind.objects.bulk_create(
                [kind(**{whom: holder}, object_pk=pk, **given, **more) for holder, pk in pairs],
                batch_size=5_000,
            )


def timed(work: Callable[[], Any]) -> tuple[int, float]:
    """Queries of it, and its median time in milliseconds."""
    work()
    with CaptureQueriesContext(connection) as queries:
        work()
    number, times = len(queries), []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return number, statistics.median(times)


def measure(person: User) -> dict[str, tuple[int, float]]:
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    policy = policies.BY_KIND["registry.registeredmodel"]
    some = list(RegisteredModel.objects.order_by("?")[:ROUNDS])
    versions = list(ModelVersion.objects.filter(model__in=some, number=1))

    def decide(objects: list[Any]) -> Callable[[], Any]:
        turns = iter(range(10_000))

        def once() -> bool:
            # As in a request of its own: the person is read anew, and what concerns her.
            with acting(memo={}):
                user = User.objects.get(pk=person.pk)
                obj = objects[next(turns) % len(objects)]
                return policies.of(obj).allows(user, "view", obj)

        return once

    def ten(objects: list[Any]) -> Callable[[], Any]:
        def once() -> None:
            with acting(memo={}):
                user = User.objects.get(pk=person.pk)
                for obj in objects[:10]:
                    policies.of(obj).allows(user, "view", obj)

        return once

    def fresh() -> User:
        return User.objects.get(pk=person.pk)

    found = {
        path: timed(lambda path=path: _ok(client.get(path)))  # type: ignore[misc]
        for path in PAGES
    }
    found["all models that she sees, counted"] = timed(lambda: policy.visible_to(fresh()).count())
    found["the first 100 of them"] = timed(
        lambda: list(policy.visible_to(fresh()).order_by("name")[:100])
    )
    found["allows, on a model"] = timed(decide(some))
    found["allows, on a version"] = timed(decide(versions))
    found["allows, on ten versions in one request"] = timed(ten(versions))
    found["explain, on a model"] = timed(lambda: explain(fresh(), "view", some[0]))
    return found


def guardians(person: User) -> dict[str, tuple[int, float]]:
    """The same questions, asked of guardian about its own rows."""
    some = list(RegisteredModel.objects.order_by("?")[:ROUNDS])
    turns = iter(range(10_000))

    def seen() -> Any:
        user = User.objects.get(pk=person.pk)
        return get_objects_for_user(user, "registry.view", RegisteredModel)

    def has() -> bool:
        user = User.objects.get(pk=person.pk)
        obj = some[next(turns) % len(some)]
        return seen().filter(pk=obj.pk).exists() if user else False

    return {
        "all models that she sees, counted": timed(lambda: seen().count()),
        "the first 100 of them": timed(lambda: list(seen().order_by("name")[:100])),
        "allows, on a model": timed(has),
    }


def _ok(answer: Any) -> None:
    assert answer.status_code == 200, answer.status_code


def run() -> None:
    console = Console(width=120)
    with on_postgres.tables():
        person = make_world()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        before = measure(person)
        make_rules_and_grants()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        after = measure(person)
        instead = guardians(person)
        console.print(f"{Rule.objects.count()} rules, {UserGrant.objects.count()} grants to people")
    table = Table("", "roles: queries", "ms", "rules and grants: queries", "ms", "guardian: ms")
    for name in before:
        theirs = f"{instead[name][1]:.1f}" if name in instead else ""
        table.add_row(
            name,
            str(before[name][0]),
            f"{before[name][1]:.1f}",
            str(after[name][0]),
            f"{after[name][1]:.1f}",
            theirs,
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(on_postgres.main("access_rules", run))
