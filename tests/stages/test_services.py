import pytest

from apps.accounts.models import User
from apps.core.errors import Conflict, Invalid, NotFound, NotPermitted
from apps.projects.models import Project, ReviewerRole
from apps.registry.models import ModelVersion
from apps.stages import queries, services
from apps.stages.models import Placement, Stage
from tests import factories


@pytest.fixture
def sandbox(db: None) -> Stage:
    """Asks for no review."""
    return factories.make_stage("sandbox", approvals_required=0)


def test_a_stage_without_a_review_is_entered_directly(
    version: ModelVersion, sandbox: Stage, owner: User
) -> None:
    services.move(version, sandbox, by=owner)
    placement = Placement.objects.get(version=version)
    assert (placement.stage, placement.model) == (sandbox, version.model)


def test_a_stage_with_a_review_is_not_entered_directly(
    version: ModelVersion, staging: Stage, owner: User, administrator: User
) -> None:
    for person in (owner, administrator):
        with pytest.raises(NotPermitted, match="asks for a review"):
            services.move(version, staging, by=person)
    with pytest.raises(Conflict, match="asks for an approved review"):
        services.enter_stage(version, staging, by=owner)
    assert not Placement.objects.exists()


def test_moving_needs_the_right(
    version: ModelVersion, sandbox: Stage, viewer: User, stranger: User
) -> None:
    with pytest.raises(NotPermitted):
        services.move(version, sandbox, by=viewer)
    with pytest.raises(NotFound):
        services.move(version, sandbox, by=stranger)


def test_the_earlier_version_is_archived_on_entry(
    version: ModelVersion, sandbox: Stage, archived: Stage, owner: User, data_scientist: User
) -> None:
    second = factories.make_version(version.model, by=data_scientist)
    services.move(version, sandbox, by=owner)
    services.move(second, sandbox, by=owner)

    placed = dict(Placement.objects.values_list("version", "stage"))
    assert placed == {version.pk: archived.pk, second.pk: sandbox.pk}


def test_a_stage_for_several_keeps_the_earlier_version(
    version: ModelVersion, sandbox: Stage, archived: Stage, owner: User, data_scientist: User
) -> None:
    sandbox.single_occupancy = False
    sandbox.save()
    second = factories.make_version(version.model, by=data_scientist)
    services.move(version, sandbox, by=owner)
    services.move(second, sandbox, by=owner)

    assert Placement.objects.filter(stage=sandbox).count() == 2


def test_an_override_may_be_stricter_and_not_weaker(
    project: Project,
    staging: Stage,
    owner: User,
    domain_role: ReviewerRole,
    risk_role: ReviewerRole,
) -> None:
    security = factories.make_reviewer_role("security")
    with pytest.raises(Invalid, match="not for fewer"):
        services.override_stage(project, staging, approvals_required=1, extra_roles=[], by=owner)

    services.override_stage(
        project, staging, approvals_required=3, extra_roles=[security], by=owner
    )
    policy = queries.policy_for(staging, project)
    assert policy.approvals_required == 3
    assert [role.slug for role in policy.roles] == ["domain", "risk", "security"]
    assert policy.source == {"approvals_required": "project", "roles": "project"}


def test_an_override_never_weakens_a_stage_that_became_stricter(
    project: Project, staging: Stage, owner: User
) -> None:
    services.override_stage(project, staging, approvals_required=3, extra_roles=[], by=owner)
    staging.approvals_required = 5
    staging.save()
    assert queries.policy_for(staging, project).approvals_required == 5


def test_an_override_touches_its_own_project_only(
    project: Project, staging: Stage, owner: User, stranger: User
) -> None:
    services.override_stage(project, staging, approvals_required=3, extra_roles=[], by=owner)
    elsewhere = Project.objects.get(slug="elsewhere")
    assert queries.policy_for(staging, elsewhere).approvals_required == 2
    with pytest.raises(NotFound):
        services.override_stage(project, staging, approvals_required=4, extra_roles=[], by=stranger)


def test_a_stage_of_another_project_does_not_exist(
    version: ModelVersion, owner: User, stranger: User
) -> None:
    foreign = factories.make_stage(
        "theirs", approvals_required=0, project=Project.objects.get(slug="elsewhere")
    )
    with pytest.raises(NotFound):
        services.move(version, foreign, by=owner)


def test_stages_are_found_by_slug_name_and_mlflow_name(project: Project) -> None:
    stage = factories.make_stage("live", name="Live", mlflow_stage="Production")
    assert queries.stage_named(project, "PRODUCTION") == stage
    assert queries.stage_named(project, "live") == stage
    assert queries.stage_named(project, "nowhere") is None
