"""Aliases and tags that not everybody sets."""

import pytest

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotFound, NotPermitted
from apps.projects.models import Project
from apps.registry import services
from apps.registry.models import LabelRule, ModelVersion, VersionTag
from apps.stages import services as stages
from tests import factories


def test_a_project_adds_to_what_holds_everywhere_and_takes_nothing_back(
    version: ModelVersion, project: Project, owner: User, administrator: User
) -> None:
    maintainer = factories.make_user("maintainer")
    factories.join(project, maintainer, "maintainer")
    LabelRule.objects.create(kind="alias", pattern="champion", roles=["owner"])
    services.add_rule(
        project, kind="alias", pattern="champ*", roles=["owner", "maintainer"], by=owner
    )

    with pytest.raises(NotPermitted, match="by owners only: a rule in all projects"):
        services.set_alias(version, name="champion", by=maintainer)
    services.set_alias(version, name="champ", by=maintainer)
    services.set_alias(version, name="champion", by=owner)
    services.set_alias(version, name="Champ", by=administrator)


def test_a_rule_of_one_project_holds_there_only(
    version: ModelVersion, project: Project, owner: User, data_scientist: User, stranger: User
) -> None:
    services.add_rule(
        Project.objects.get(slug="elsewhere"), kind="alias", pattern="*", roles=[], by=stranger
    )

    services.set_alias(version, name="champion", by=data_scientist)


def test_rules_of_one_kind_leave_the_others_alone(
    version: ModelVersion, project: Project, owner: User, data_scientist: User
) -> None:
    services.add_rule(project, kind="model_tag", pattern="approved", roles=[], by=owner)

    services.set_version_tag(version, key="approved", value="1", by=data_scientist)
    with pytest.raises(NotPermitted, match="mlgov alone"):
        services.set_model_tag(version.model, key="Approved", value="1", by=owner)


def test_tags_can_be_frozen_on_what_is_promoted(
    version: ModelVersion, project: Project, owner: User, data_scientist: User
) -> None:
    live = factories.make_stage(
        "live", approvals_required=0, environment=factories.make_environment()
    )
    sandbox = factories.make_stage("sandbox", approvals_required=0)
    services.add_rule(
        project, kind="version_tag", pattern="*", roles=[], after_promotion=True, by=owner
    )
    services.set_version_tag(version, key="note", value="early", by=data_scientist)
    stages.move(version, sandbox, by=owner)
    services.set_version_tag(version, key="note", value="later", by=data_scientist)
    stages.move(version, live, by=owner)

    with pytest.raises(NotPermitted, match="once the version is promoted"):
        services.set_version_tag(version, key="note", value="late", by=owner)
    with pytest.raises(NotPermitted, match="once the version is promoted"):
        services.delete_version_tag(version, key="note", by=owner)
    assert VersionTag.objects.get().value == "later"


def test_a_rule_is_made_and_taken_back_by_who_runs_the_project(
    project: Project, owner: User, data_scientist: User, stranger: User
) -> None:
    for person, refusal in ((data_scientist, NotPermitted), (stranger, NotFound)):
        with pytest.raises(refusal):
            services.add_rule(project, kind="alias", pattern="prod*", roles=[], by=person)
    rule = services.add_rule(project, kind="alias", pattern=" prod* ", roles=["owner"], by=owner)
    with pytest.raises(AlreadyExists):
        services.add_rule(project, kind="alias", pattern="prod*", roles=[], by=owner)
    with pytest.raises(NotPermitted):
        services.remove_rule(rule, by=data_scientist)
    services.remove_rule(rule, by=owner)

    assert not LabelRule.objects.exists()
    assert [event.action for event in activity_of(project)][:2] == [
        "label_rule.delete",
        "label_rule.create",
    ]
    assert list(LabelRule.history.values_list("history_type", flat=True)) == ["-", "+"]


def test_a_rule_of_all_projects_is_not_an_owners(project: Project, owner: User) -> None:
    rule = LabelRule.objects.create(kind="alias", pattern="prod*", roles=[])

    with pytest.raises(Conflict, match="administrator"):
        services.remove_rule(rule, by=owner)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "word"},
        {"pattern": ""},
        {"pattern": "  "},
        {"pattern": "x" * 251},
        {"pattern": "a\x00"},
        {"roles": ["viewer"]},
        {"roles": ["king"]},
        {"after_promotion": True},
    ],
)
def test_a_rule_that_says_nothing_is_refused(
    project: Project, owner: User, wrong: dict[str, object]
) -> None:
    given: dict[str, object] = {"kind": "alias", "pattern": "prod*", "roles": ["owner"], **wrong}

    with pytest.raises(Invalid):
        services.add_rule(project, **given, by=owner)  # type: ignore[arg-type]
    assert not LabelRule.objects.exists()
