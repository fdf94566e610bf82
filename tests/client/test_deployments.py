"""Deployments, asked for and waited for from Python, with a worker and the in-memory target."""

import pytest

from apps.accounts.models import User
from apps.deployments import services as deployments
from apps.deployments.models import Deployment
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages import services as stages
from apps.stages.models import Environment, Stage
from mlgov_client import Client, DeploymentFailed, Misused, Refused, TimedOut
from tests import factories
from tests.client.conftest import token_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def environment(db: None) -> Environment:
    return factories.make_environment("live")


@pytest.fixture
def stage(environment: Environment, archived: Stage) -> Stage:
    """Deploys, and asks for no review."""
    return factories.make_stage(
        "production", environment=environment, approvals_required=0, order=2
    )


@pytest.fixture
def version(model: RegisteredModel, data_scientist: User) -> ModelVersion:
    return factories.make_stored_version(model, by=data_scientist)


@pytest.fixture
def owners(served: str, owner: User) -> Client:
    """The client of somebody who may deploy."""
    return Client(served, token_of(owner), progress="none")


def test_a_version_is_moved_deployed_and_left_alone_after_that(
    owners: Client, version: ModelVersion, stage: Stage, working: None
):
    asked = owners.version("scoring", 1)
    first = asked.deploy("Production", reason="The old one drifts.")
    serving = asked.wait_for_deployment(timeout="30s")

    assert (serving.id, serving.state, serving.traffic) == (first.id, "serving", 100)
    assert (serving.environment, serving.endpoint, serving.version) == ("live", "scoring-live", 1)
    assert serving.url.endswith(f"/deployments/{serving.id}")
    assert version.moves.get().reason == "The old one drifts."
    assert serving.move == asked.details().move == version.moves.get().pk
    assert asked.deploy() == serving == asked.wait_for_deployment(timeout=1)
    assert asked.status().deployments == (serving,)
    assert Deployment.objects.get().rollouts.count() == 1


def test_a_failed_deployment_is_told_and_tried_again(
    owners: Client, version: ModelVersion, stage: Stage, environment: Environment, working: None
):
    environment.options = {"conflict": True}
    environment.save(update_fields=["options"])
    asked = owners.version("scoring", 1)
    asked.deploy("production")
    with pytest.raises(DeploymentFailed) as failure:
        asked.wait_for_deployment("production", timeout="30s")

    assert "a and b cannot be installed together." in str(failure.value)
    assert "(builds.model.requirements-conflict)" in str(failure.value)
    assert failure.value.deployment is not None
    run = failure.value.deployment.failure
    assert run is not None
    assert (run.kind, run.error_code) == ("builds.build", "builds.model.requirements-conflict")

    environment.options = {}
    environment.save(update_fields=["options"])
    assert asked.deploy().state == "building"
    assert asked.wait_for_deployment(timeout="30s").state == "serving"


def test_a_retired_deployment_gets_the_traffic_back_for_a_reason(
    owners: Client, version: ModelVersion, stage: Stage, owner: User, working: None
):
    asked = owners.version("scoring", 1)
    asked.deploy("production")
    asked.wait_for_deployment(timeout="30s")
    deployments.retire(Deployment.objects.get(), by=owner, reason="Too dear.")

    with pytest.raises(DeploymentFailed, match="is retired"):
        asked.wait_for_deployment(timeout="5s")
    with pytest.raises(Refused, match="reason"):
        asked.deploy()
    asked.deploy(reason="It was better.")
    assert asked.wait_for_deployment(timeout="30s").traffic == 100


def test_what_was_displaced_is_not_waited_for(
    owners: Client, version: ModelVersion, stage: Stage, data_scientist: User, owner: User
):
    second = factories.make_stored_version(version.model, by=data_scientist)
    stages.enter_stage(version, stage, by=owner)
    stages.enter_stage(second, stage, by=owner)

    with pytest.raises(DeploymentFailed, match="scoring/1 does not stand in Production"):
        owners.version("scoring", 1).wait_for_deployment("production", timeout=5)


def test_a_move_that_nobody_takes_up_times_out(
    owners: Client, version: ModelVersion, stage: Stage, owner: User
):
    stages.enter_stage(version, stage, by=owner)

    with pytest.raises(TimedOut, match="the deployment of scoring/1"):
        owners.version("scoring", 1).wait_for_deployment(timeout=0.3)


def test_no_review_is_got_around(
    owners: Client, client: Client, version: ModelVersion, environment: Environment, stage: Stage
):
    factories.make_stage("staging", environment=environment, approvals_required=1, order=1)
    with pytest.raises(Refused) as review:
        owners.version("scoring", 1).deploy("staging")
    with pytest.raises(Refused) as right:
        client.version("scoring", 1).deploy("production")

    assert (review.value.code, right.value.code) == ("review_required", "not_permitted")
    assert not version.moves.exists()


def test_where_nothing_is_deployed_it_says_so(
    owners: Client, version: ModelVersion, staging: Stage
):
    asked = owners.version("scoring", 1)
    with pytest.raises(Misused, match="stands in no stage"):
        asked.deploy()
    with pytest.raises(Misused, match="Staging has no environment"):
        asked.deploy("staging")
