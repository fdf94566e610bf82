"""Projects: made, described, joined, left."""

import pytest

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.audit.queries import activity_of
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotFound, NotPermitted
from apps.outbox.models import OutboxMessage
from apps.projects import policies, queries, roles, services
from apps.projects.models import Membership, Project
from apps.projects.tokens import ALL_ACTIONS
from apps.registry import policies as registry_policies
from tests import factories
from tests.threads import together


def test_who_makes_a_project_is_its_owner(owner: User):
    project = services.create_project(slug="churn", name=" Churn ", by=owner)

    assert (project.name, project.memberships.get().role) == ("Churn", "owner")
    assert [e.action for e in activity_of(project)] == ["project.create"]


def test_visibility_is_private_unless_said_and_its_change_is_on_record(owner: User):
    project = services.create_project(slug="churn", name="Churn", by=owner)
    assert project.visibility == "private"

    services.describe_project(project, name="Churn", description="", by=owner)
    services.describe_project(
        project, name="Churn", description="", visibility="internal", by=owner
    )
    project.refresh_from_db()
    assert project.visibility == "internal"
    newest = activity_of(project)[0]
    assert (newest.data["before"]["visibility"], newest.data["visibility"]) == (
        "private",
        "internal",
    )
    with pytest.raises(Invalid) as refusal:
        services.describe_project(
            project, name="Churn", description="", visibility="secret", by=owner
        )
    assert "visibility" in refusal.value.details


@pytest.mark.parametrize(
    ("slug", "name", "field"),
    [
        ("Upper", "x", "slug"),
        ("-x", "x", "slug"),
        ("x\n", "x", "slug"),
        ("", "x", "slug"),
        ("x" * 51, "x", "slug"),
        ("x", " ", "name"),
        ("x", "x" * 101, "name"),
        ("x", "a\x00b", "name"),
    ],
)
def test_a_project_has_a_name_that_fits(owner: User, slug: str, name: str, field: str):
    with pytest.raises(Invalid) as refusal:
        services.create_project(slug=slug, name=name, by=owner)
    assert list(refusal.value.details) == [field]
    assert not Project.objects.exists()


def test_a_short_name_is_taken_once(project: Project, stranger: User):
    with pytest.raises(AlreadyExists):
        services.create_project(slug="credit", name="Credit", by=stranger)


def test_programs_make_no_projects(db):
    robot = factories.make_user("robot", is_service_account=True)
    with pytest.raises(NotPermitted):
        services.create_project(slug="x", name="X", by=robot)


def test_letting_in_is_recorded_and_told_once(project, owner, stranger, risk_role):
    for role in ("viewer", "reviewer"):
        roles = (role for role in [risk_role])  # an iterator can be read once only
        services.set_member(project, user=stranger, role=role, reviewer_roles=roles, by=owner)

    event, earlier = AuditEvent.objects.filter(action__startswith="member.")[:2]
    assert (earlier.action, earlier.data) == (
        "member.add",
        {"role": "viewer", "before": None, "reviewer_roles": ["risk"]},
    )
    assert (event.action, event.data["before"], event.data["role"]) == (
        "member.edit",
        "viewer",
        "reviewer",
    )
    assert list(activity_of(stranger))[:2] == [event, earlier]
    told = OutboxMessage.objects.filter(event="projects.MemberAdded")
    assert len({message.payload["membership_id"] for message in told}) <= 1


def test_the_last_owner_stays_until_there_is_another(project, owner, viewer):
    membership = Membership.objects.get(user=owner)
    with pytest.raises(Conflict, match="last owner"):
        services.remove_member(membership, by=owner)
    with pytest.raises(Conflict, match="last owner"):
        services.set_member(project, user=owner, role="viewer", by=owner)

    services.set_member(project, user=viewer, role="owner", by=owner)
    services.remove_member(membership, by=viewer)
    assert list(project.memberships.values_list("user__username", flat=True)) == ["viewer"]


def test_a_disabled_owner_is_no_other_owner(project, owner):
    gone = factories.make_user("gone")
    factories.join(project, gone, "owner")
    User.objects.filter(pk=gone.pk).update(is_active=False)

    with pytest.raises(Conflict, match="last owner"):
        services.remove_member(Membership.objects.get(user=owner), by=owner)


def test_who_is_gone_already_is_said_so(project, owner, viewer):
    membership = Membership.objects.get(user=viewer)
    services.remove_member(membership, by=owner)
    membership.pk = membership.pk or 1
    with pytest.raises(NotFound):
        services.remove_member(membership, by=owner)


def test_only_owners_govern(project, viewer, reviewer, stranger):
    for person, refusal in ((viewer, NotPermitted), (reviewer, NotPermitted), (stranger, NotFound)):
        with pytest.raises(refusal):
            services.set_member(project, user=stranger, role="owner", by=person)
        with pytest.raises(refusal):
            services.describe_project(project, name="Mine", description="", by=person)
    assert not Membership.objects.filter(user=stranger, project=project).exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_once_do_not_both_leave():
    one, two = factories.make_user("one"), factories.make_user("two")
    project = factories.make_project("credit", owner=one)
    factories.join(project, two, "owner")

    def leave(user: User) -> None:
        services.remove_member(Membership.objects.get(user=user), by=user)

    results = together(lambda: leave(one), lambda: leave(two))
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    assert project.memberships.filter(role="owner").count() == 1


def test_a_pipeline_is_not_the_owner_who_stays(project, owner):
    robot = factories.make_user("robot", is_service_account=True, owner=owner)
    factories.join(project, robot, "owner")
    with pytest.raises(Conflict, match="last owner"):
        services.remove_member(Membership.objects.get(user=owner), by=owner)


def test_nobody_but_an_owner_changes_roles_not_even_his_own(project, owner, maintainer):
    auditor = factories.make_user("auditor")
    factories.join(project, auditor, "auditor")
    for person in (maintainer, auditor):
        membership = Membership.objects.get(user=person)
        for role in ("owner", "maintainer", "viewer"):
            with pytest.raises(NotPermitted):
                services.set_member(project, user=person, role=role, by=person)
        with pytest.raises(NotPermitted):
            services.create_service_account(project, username="ci", role="owner", by=person)
        with pytest.raises(NotPermitted):
            services.remove_member(Membership.objects.get(user=owner), by=person)
        assert Membership.objects.get(user=person).role == membership.role


def test_an_auditor_of_a_project_reads_its_trail_and_changes_nothing(project, owner, version):
    auditor = factories.make_user("auditor")
    factories.join(project, auditor, "auditor")
    other = factories.make_project("other", owner=owner)
    for one in (project, other):
        services.set_member(one, user=factories.make_user(), role="viewer", by=owner)
    events = queries.events_visible_to(auditor).filter(action="member.add")
    assert [event.project_id for event in events] == [project.pk]
    assert roles.ACTIONS["auditor"] == {"view"}
    for policy, obj in (
        (policies.projects, project), (registry_policies.models, version.model),
        (registry_policies.versions, version),
    ):  # fmt: skip
        allowed = {a for a in ALL_ACTIONS if policy.allows(auditor, a, obj)}
        assert allowed == {"view"}
    assert not policies.projects.allows(auditor, "view", other)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_owners_who_step_down_at_once_do_not_both_step_down():
    one, two = factories.make_user("one"), factories.make_user("two")
    project = factories.make_project("credit", owner=one)
    factories.join(project, two, "owner")

    def step_down(user: User) -> None:
        services.set_member(project, user=user, role="viewer", by=user)

    results = together(lambda: step_down(one), lambda: step_down(two))
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    assert project.memberships.filter(role="owner").count() == 1
