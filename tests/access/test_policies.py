"""A permission is a filter: lists and single objects cannot disagree."""

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.access.explanations import explain
from apps.accounts.models import User
from apps.core.errors import NotFound, NotPermitted
from apps.deployments import policies as deployment_policies
from apps.projects import policies, roles
from apps.projects import services as project_services
from apps.projects.models import Membership, Project, Visibility
from apps.projects.queries import events_visible_to, people_who_may, projects_where
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion
from apps.reviews import policies as review_policies
from apps.reviews import services as review_services
from tests import factories

ACTIONS = sorted({action for actions in roles.ACTIONS.values() for action in actions})


@pytest.mark.parametrize("role", roles.Role.values)
def test_a_role_may_what_its_row_of_the_table_says(project: Project, role: str):
    user = factories.make_user("somebody")
    factories.join(project, user, role)

    allowed = {a for a in ACTIONS if policies.projects.allows(user, a, project)}
    listed = {a for a in ACTIONS if policies.projects.visible_to(user, a).exists()}
    assert allowed == listed == roles.ACTIONS[role]


def test_strangers_and_the_disabled_and_the_anonymous_see_nothing(
    project: Project, stranger: User, owner: User, administrator: User
):
    for user in (owner, administrator):
        user.is_active = False
    for user in (stranger, owner, administrator, AnonymousUser(), None):
        assert not policies.projects.visible_to(user).filter(pk=project.pk).exists()
        with pytest.raises(NotFound):
            policies.projects.require(user, "view", project)


def test_what_is_not_seen_does_not_exist_and_what_is_seen_is_refused_in_words(
    project: Project, viewer: User, stranger: User
):
    with pytest.raises(NotFound, match=r"There is no such project\."):
        policies.projects.require(stranger, "manage_members", project)
    with pytest.raises(NotPermitted, match="You may not manage the members of this project"):
        policies.projects.require(viewer, "manage_members", project)
    assert not explain(viewer, "manage_members", project).allowed


@pytest.mark.parametrize("group", list(roles.GLOBAL_ACTIONS))
def test_global_roles_reach_every_project_with_their_actions_only(project: Project, group: str):
    user = factories.make_user("somebody")
    user.groups.create(name=group)

    allowed = {a for a in ACTIONS if policies.projects.allows(user, a, project)}
    assert allowed == roles.GLOBAL_ACTIONS[group]


def test_an_administrator_may_everything(project: Project, administrator: User):
    assert all(policies.projects.allows(administrator, a, project) for a in ACTIONS)


def test_a_role_in_one_project_says_nothing_of_another(
    project: Project, stranger: User, version: ModelVersion
):
    assert [p.slug for p in projects_where(stranger, may="delete")] == ["elsewhere"]
    assert not registry_policies.versions.visible_to(stranger).exists()
    assert not deployment_policies.runs.visible_to(stranger).exists()


def test_everybody_reads_an_internal_project_and_does_nothing_else_there(
    project: Project, owner: User, stranger: User, version: ModelVersion
):
    project_services.describe_project(
        project, name="Credit", description="", visibility=Visibility.INTERNAL, by=owner
    )

    allowed = {a for a in ACTIONS if policies.projects.allows(stranger, a, project)}
    assert allowed == roles.ACTIONS[roles.Role.VIEWER] == {"view"}
    assert registry_policies.versions.visible_to(stranger).get() == version
    with pytest.raises(NotPermitted, match="You may not"):
        registry_policies.models.require(stranger, "register", version.model)
    assert stranger not in people_who_may("view", project)
    stranger.is_active = False
    assert not policies.projects.visible_to(stranger).filter(pk=project.pk).exists()


def test_people_who_may_are_active_members(project: Project, owner: User, reviewer: User):
    gone = factories.make_user("gone", is_active=False)
    factories.join(project, gone, "reviewer")
    assert set(people_who_may("review", project)) == {owner, reviewer}


def test_who_left_the_project_withdraws_nothing_there(
    version, staging, data_scientist, reviewer, risk_reviewer
):
    review = review_services.request_review(
        version, stage=staging, reviewers=[reviewer, risk_reviewer], note="x", by=data_scientist
    )
    assert review_policies.reviews.allows(data_scientist, "withdraw", review)
    Membership.objects.filter(user=data_scientist).delete()
    with pytest.raises(NotFound):
        review_services.withdraw(review, by=data_scientist)


def test_nobody_sees_events_of_nothing(project: Project, owner: User, stranger: User):
    assert list(events_visible_to(stranger)) == []
