"""The examples of the documentation can be written as they stand, and do what stands above them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import Group

from apps.access import policies, services
from apps.access.conditions import Wanted
from apps.accounts.models import Attribute, User
from apps.deployments.models import Deployment, Endpoint
from apps.registry.models import ModelTag, ModelVersion, VersionTag
from apps.stages.models import StageMove
from tests import factories

PAGE = (Path(__file__).parents[2] / "docs" / "access-rules.md").read_text()
RULE = re.compile(r"\*\*([^*]+)\*\*[^*]*?```rule\n(allow|deny) ([^\n]+)\n(.+?)```", re.DOTALL)
WRITTEN = {" ".join(title.split()).rstrip("."): (e, a, c) for title, e, a, c in RULE.findall(PAGE)}


class Case:
    """A version in a project, and people with every role in it."""

    def __init__(self, version: ModelVersion) -> None:
        self.version, self.project = version, version.model.project
        for about, name, kind, values in (
            ("person", "department", "text", []),
            ("project", "department", "text", []),
            ("person", "clearance", "choice", ["low", "high"]),
            ("project", "sensitivity", "choice", ["low", "high"]),
            ("person", "vetted", "boolean", []),
            ("project", "risk_tier", "choice", ["low", "high"]),
            ("person", "regions", "list", []),
            ("project", "region", "text", []),
        ):
            Attribute.objects.create(about=about, name=name, kind=kind, values=values)

    def person(self, role: str = "", groups: tuple[str, ...] = (), **attributes: object) -> User:
        user = factories.make_user(attributes=attributes)
        if role:
            factories.join(self.project, user, role)
        for name in groups:
            user.groups.add(Group.objects.get_or_create(name=name)[0])
        return user

    def pipeline(self) -> User:
        user = self.person("data_scientist")
        user.is_service_account = True
        user.owner = self.project.created_by
        user.save()
        return user

    def of_project(self, **attributes: object) -> None:
        self.project.attributes = attributes
        self.project.save()

    def tagged(self, **tags: str) -> None:
        for key, value in tags.items():
            VersionTag.objects.create(version=self.version, key=key, value=value)

    def deployed_in(self, slug: str) -> Deployment:
        endpoint = Endpoint.objects.create(
            project=self.project,
            environment=factories.make_environment(slug),
            model=self.version.model,
            slug=slug,
        )
        stage = factories.make_stage(slug, environment=endpoint.environment)
        move = StageMove.objects.create(
            version=self.version, to_stage=stage, artifact_digest=self.version.artifact_digest
        )
        return Deployment.objects.create(endpoint=endpoint, version=self.version, move=move)


Asked = tuple[User, str, object, Wanted, bool]
# What is asked once the rule is there, and the answer. Before, each answer was the other one, or
# the same where the rule is not about it.
Scene = Callable[[Case], list[Asked]]


def departments(case: Case) -> list[Asked]:
    case.of_project(department="risk")
    mine, other = case.person(department="risk"), case.person(department="fraud")
    return [
        (mine, "view", case.version, {}, True),
        (mine, "comment", case.version, {}, True),
        (other, "view", case.version, {}, False),
        (case.person(), "view", case.project, {}, False),
    ]


def clearance(case: Case) -> list[Asked]:
    case.of_project(sensitivity="high")
    return [
        (case.person("owner", clearance="low"), "view", case.version, {}, False),
        (case.person("owner"), "view", case.version, {}, False),
        (case.person("viewer", clearance="high"), "view", case.version, {}, True),
    ]


def secret(case: Case) -> list[Asked]:
    case.tagged(secret="yes")
    return [
        (case.person("data_scientist"), "view", case.version, {}, False),
        (case.person("auditor"), "view", case.version, {}, True),
        (case.person("data_scientist"), "view", case.version.model, {}, True),
    ]


def promoted(case: Case) -> list[Asked]:
    case.tagged(promoted="yes")
    owner = case.person("owner")
    return [
        *((owner, action, case.version, {}, False) for action in ("register", "delete")),
        (owner, "register", case.version, {"tag": "x"}, False),
        (owner, "view", case.version, {}, True),
        (owner, "request_review", case.version, {"stage": "production"}, True),
    ]


def validated(case: Case) -> list[Asked]:
    owner = case.person("owner")
    return [
        (owner, "request_review", case.version, {"stage": "production"}, False),
        (owner, "request_review", case.version, {"stage": "staging"}, True),
    ]


def pipelines(case: Case) -> list[Asked]:
    return [
        (case.person("owner"), "register", case.version, {"tag": "validated"}, False),
        (case.person("owner"), "register", case.version, {"tag": "other"}, True),
        (case.pipeline(), "register", case.version, {"tag": "validated"}, True),
    ]


def champions(case: Case) -> list[Asked]:
    scientist = case.person("data_scientist")
    return [
        (scientist, "register", case.version, {"alias": "champion"}, False),
        (scientist, "register", case.version, {"alias": "challenger"}, True),
        (case.person("maintainer"), "register", case.version, {"alias": "champion"}, True),
    ]


def contractors(case: Case) -> list[Asked]:
    deployment = case.deployed_in("staging")
    return [
        (case.person("owner", ("contractors",)), "deploy", deployment, {}, False),
        (case.person("owner", ("contractors",)), "manage_keys", deployment.endpoint, {}, False),
        (case.person("maintainer"), "deploy", deployment, {}, True),
    ]


def vetted(case: Case) -> list[Asked]:
    production, staging = case.deployed_in("production"), case.deployed_in("staging")
    owner = case.person("owner")
    return [
        (owner, "deploy", production, {}, False),
        (owner, "deploy", staging, {}, True),
        (case.person("owner", vetted=True), "roll_back", production, {}, True),
        (case.person("owner", vetted=False), "roll_back", production, {}, False),
    ]


def high_risk(case: Case) -> list[Asked]:
    case.of_project(risk_tier="high")
    return [
        (case.person("reviewer"), "review", case.version, {}, False),
        (case.person("reviewer", ("risk-team",)), "review", case.version, {}, True),
    ]


def regions(case: Case) -> list[Asked]:
    case.of_project(region="eu")
    return [
        (case.person("owner", regions=["us"]), "view", case.version, {}, False),
        (case.person("owner"), "predict", case.version, {}, False),
        (case.person("owner", regions=["us", "eu"]), "view", case.version, {}, True),
    ]


def pilot(case: Case) -> list[Asked]:
    return [
        (case.person("", ("pilot-users",)), "view", case.version, {}, True),
        (case.person("", ("pilot-users",)), "register", case.version, {}, False),
        (case.person(), "view", case.version, {}, False),
    ]


def small(case: Case) -> list[Asked]:
    ModelTag.objects.create(model=case.version.model, key="size", value="small")
    return [
        (case.person(), "view", case.version, {}, True),
        (case.person(), "view", case.version.model, {}, True),
        (case.person(), "view", case.project, {}, False),
    ]


SCENES: dict[str, Scene] = {
    "Each department sees its own projects": departments,
    "Nobody reads above his clearance": clearance,
    "Secret versions are for owners and auditors of the project": secret,
    "What is promoted is read-only": promoted,
    "Only validated versions are asked into Production": validated,
    "The validation tag is set by the pipeline": pipelines,
    "The alias `champion` is given by owners and maintainers": champions,
    "Contractors do not deploy": contractors,
    "Production is operated by vetted people": vetted,
    "The risk team approves what is of high risk, nobody else does": high_risk,
    "Data of a region is handled by people of that region": regions,
    "A team tries the models of another one": pilot,
    "Small models are everybody's to read": small,
}


def test_each_example_is_tried_here() -> None:
    assert list(WRITTEN) == list(SCENES)


@pytest.mark.parametrize("title", list(SCENES))
def test_an_example_does_what_stands_above_it(
    version: ModelVersion, administrator: User, title: str
) -> None:
    effect, actions, conditions = WRITTEN[title]
    asked = SCENES[title](Case(version))
    before = [policies.of(o).allows(u, a, o, w) for u, a, o, w, _ in asked]  # type: ignore[arg-type]
    services.create_rule(
        name=title,
        effect=effect,
        actions=actions.split(", "),
        conditions=conditions.splitlines(),
        by=administrator,
    )
    after = [policies.of(o).allows(u, a, o, w) for u, a, o, w, _ in asked]  # type: ignore[arg-type]
    assert after == [expected for *_, expected in asked]
    changed = [now for was, now in zip(before, after, strict=True) if was != now]
    assert set(changed) == {effect == "allow"}
