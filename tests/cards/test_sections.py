"""Sections of cards that are not for everybody."""

import pytest
from django.contrib.auth.models import Group

from apps.accounts.models import Attribute, User
from apps.cards import sections
from apps.cards.models import SectionRule
from apps.core.errors import NotPermitted
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from tests import factories

pytestmark = pytest.mark.django_db


def rule(section: str, right: str = "read", **named: object) -> SectionRule:
    return SectionRule.objects.create(section=section, right=right, **named)


def test_whoever_a_rule_names_reads_the_section_and_nobody_else(
    version: ModelVersion,
    owner: User,
    data_scientist: User,
    reviewer: User,
    viewer: User,
    administrator: User,
) -> None:
    everybody = [owner, data_scientist, reviewer, viewer, administrator]
    for each in everybody:
        assert sections.hidden_sections(each, version) == frozenset()

    Attribute.objects.create(name="clearance", kind="text")
    privacy = Group.objects.create(name="privacy")
    viewer.groups.add(privacy)
    data_scientist.attributes = {"clearance": "high"}
    auditor, member = factories.make_user("auditor"), factories.make_user("looks-on")
    auditor.groups.add(Group.objects.create(name="auditors"))
    factories.join(version.model.project, member, "auditor")
    rule("security", roles=["owner"], capacities=["domain"])
    rule("fairness", groups=["privacy", "gone"], conditions=['user.clearance is "high"'])
    # Named by nobody any more, and by what is not declared: they stay closed.
    rule("data", groups=["gone"])
    rule("use", conditions=["user.colour is set"])

    hidden = {
        each.username: set(sections.hidden_sections(each, version))
        for each in [*everybody, auditor, member]
    }
    assert hidden == {
        "owner": {"fairness", "data", "use"},
        "scientist": {"security", "data", "use"},
        "reviewer": {"fairness", "data", "use"},
        "viewer": {"security", "data", "use"},
        "administrator": set(),
        "auditor": set(),
        "looks-on": set(),
    }


def test_a_project_can_only_be_stricter_and_sections_are_hidden_by_project(
    version: ModelVersion, project: Project, owner: User, maintainer: User, stranger: User
) -> None:
    elsewhere = Project.objects.get(slug="elsewhere")
    rule("security", roles=["owner"])
    rule("security", project=project, roles=["owner", "maintainer"])
    rule("data", project=project, roles=["maintainer"])
    rule("use", groups=["nobody"])

    assert sections.hidden_sections(maintainer, version) == {"security", "use"}
    assert sections.hidden_sections(owner, version) == {"data", "use"}
    assert sections.hidden_by_project(owner) == (
        {"use"},
        {project.pk: {"use", "data"}, elsewhere.pk: {"use", "security"}},
    )
    assert sections.hidden_by_project(maintainer) == ({"use", "security"}, {})
    assert sections.hidden_by_project(stranger) == (
        {"use"},
        {project.pk: {"security", "data", "use"}},
    )


def test_who_edits_a_section_is_asked_beside_the_right_to_edit_the_card(
    version: ModelVersion, owner: User, data_scientist: User, reviewer: User
) -> None:
    rule("security", "edit", roles=["owner", "reviewer"])
    rule("operations", roles=["owner"])
    rule("fairness", "responsible", capacities=["domain"])

    may = {
        each.username: [
            key
            for key in ("security", "operations", "fairness")
            if sections.may_edit(each, version, key)
        ]
        for each in (owner, data_scientist, reviewer)
    }
    assert may == {
        "owner": ["security", "operations", "fairness"],
        "scientist": ["fairness"],
        # Named, and still nobody who edits cards.
        "reviewer": [],
    }
    assert sections.rights(reviewer, version.model.project_id).own == {"fairness"}
    with pytest.raises(NotPermitted, match="edit the section Security and privacy: it is for own"):
        sections.require_editable(data_scientist, version, ["/security/privacy"])
    with pytest.raises(NotPermitted, match="read the section Operations: it is for owners"):
        sections.require_editable(data_scientist, version, ["/operations/monitors"])
    assert sections.rights(data_scientist, version.model.project_id).told == (
        "1 section is for others: Operations (owners). Ask one of them, or an owner of the project."
    )


def test_few_queries_tell_what_is_hidden(
    version: ModelVersion, viewer: User, django_assert_num_queries: object
) -> None:
    project = version.model.project_id
    with django_assert_num_queries(1):  # type: ignore[operator]
        sections.rights(viewer, project)
    for number in range(3):
        rule(f"section-{number}", roles=["owner"], groups=["privacy"], capacities=["risk"])
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert len(sections.rights(viewer, project).hidden) == 3
