"""A worker acts as the person who asked: his rights are asked about again when the work starts."""

from collections.abc import Callable

import pytest

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.builds import services as builds
from apps.builds.models import Build
from apps.deployments import services
from apps.deployments.models import Deployment, Rollout
from apps.notifications.models import Notification
from apps.projects import services as projects
from apps.registry.models import ModelVersion
from apps.stages import services as stages
from apps.stages.models import Stage
from tests import factories
from tests.builds.parts import drive
from tests.deployments.conftest import Enter, running

pytestmark = pytest.mark.django_db(transaction=True)
Lose = Callable[[User, User], None]


def leave(person: User, owner: User) -> None:
    membership = person.memberships.get()
    projects.remove_member(membership, by=owner)


def become_a_viewer(person: User, owner: User) -> None:
    projects.set_member(person.memberships.get().project, user=person, role="viewer", by=owner)


def be_disabled(person: User, owner: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)


LOSSES = [
    (leave, "may not do it any more"),
    (become_a_viewer, "may not do it any more"),
    (be_disabled, "was disabled meanwhile"),
]


@pytest.mark.parametrize(("lose", "text"), LOSSES)
def test_a_build_is_not_made_for_who_may_not_move_versions_any_more(
    version: ModelVersion, stage: Stage, maintainer: User, owner: User, lose: Lose, text: str
) -> None:
    stages.move(version, stage, by=maintainer)
    drive(runs_too=False)
    lose(maintainer, owner)
    drive()

    build, deployment = Build.objects.get(), Deployment.objects.get()
    assert (build.run.state, build.run.error_code) == ("failed", "builds.project.not-permitted")
    assert text in build.run.error_text
    assert list(build.run.steps.all()) == []
    assert (deployment.state, running()) == ("failed", {})
    told = Notification.objects.filter(kind="deployment.failed")
    assert [(one.user, text in one.text) for one in told] == [(version.registered_by, True)]

    services.retry(deployment, by=owner)
    drive()
    deployment.refresh_from_db()
    assert (deployment.state, deployment.traffic) == ("serving", 100)


def test_what_served_goes_on_where_a_rollout_may_not_start(
    serving: Deployment, second: ModelVersion, enter: Enter, maintainer: User, owner: User,
    stage: Stage,
) -> None:  # fmt: skip
    enter(second, stage)
    services.roll_back(serving, by=maintainer, reason="The new one is worse.")
    become_a_viewer(maintainer, owner)
    drive()

    serving.refresh_from_db()
    newer = Deployment.objects.get(version=second)
    rollout = Rollout.objects.filter(deployment=serving).latest("pk")
    assert rollout.run.error_code == "deployments.project.not-permitted"
    assert rollout.finished_at is not None
    assert (newer.state, newer.traffic) == ("serving", 100)
    assert running() == {newer.service_name: 2}
    assert not serving.traffic

    # Nothing was tried, so it is as good to go back to as before.
    assert serving.state == "retired"
    services.roll_back(serving, by=owner, reason="It is worse.")
    drive()
    serving.refresh_from_db()
    assert serving.traffic == 100


def test_a_rollout_stands_on_the_right_by_which_its_build_was_asked_for(
    version: ModelVersion, stage: Stage, maintainer: User, owner: User
) -> None:
    stages.move(version, stage, by=maintainer)
    drive(runs_too=False)
    build = Build.objects.get()
    assert (build.run.requested_by, build.run.asked_for) == (maintainer, "move")
    drive()
    run = Rollout.objects.get().run
    assert (run.requested_by, run.asked_for, run.state) == (maintainer, "move", "succeeded")


def test_what_waits_stands_on_the_right_of_who_asks_last(
    version: ModelVersion, stage: Stage, maintainer: User, owner: User
) -> None:
    stages.move(version, stage, by=maintainer)
    drive(runs_too=False)
    build = Build.objects.get()
    again = builds.request_build(
        version,
        build.environment,
        by=owner,
        asked_for="move",
        artifact_digest=build.artifact_digest,
    )
    become_a_viewer(maintainer, owner)
    drive()
    assert (again.pk, Deployment.objects.get().state) == (build.pk, "serving")
    assert Rollout.objects.get().run.requested_by == owner


def test_after_the_last_approval_mlgov_acts_by_itself(
    version: ModelVersion, stage: Stage, owner: User, maintainer: User
) -> None:
    stages.enter_stage(version, stage, by=maintainer, review_id=42)
    drive(runs_too=False)
    run = Build.objects.get().run
    assert (run.requested_by, run.asked_for) == (None, "")
    # The approver has decided, and leaves: what was approved is deployed.
    leave(maintainer, owner)
    drive()
    deployment = Deployment.objects.get()
    assert (deployment.state, Rollout.objects.get().run.requested_by) == ("serving", None)
    event = activity_of(deployment).get(action="deployment.request")
    assert (event.actor_name, event.data["review"]) == ("mlgov", 42)


def test_a_service_account_acts_as_long_as_somebody_answers_for_it(
    version: ModelVersion, stage: Stage, owner: User
) -> None:
    keeper = factories.make_user("keeper")
    pipeline = factories.make_user("pipeline", is_service_account=True, owner=keeper)
    factories.join(version.project, pipeline, "maintainer")
    stages.move(version, stage, by=pipeline)
    drive(runs_too=False)
    be_disabled(keeper, owner)
    drive()
    assert Build.objects.get().run.error_code == "builds.project.not-permitted"
    User.objects.filter(pk=keeper.pk).update(is_active=True)
    services.retry(Deployment.objects.get(), by=User.objects.get(pk=pipeline.pk))
    drive()
    assert Deployment.objects.get().state == "serving"
