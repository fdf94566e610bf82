"""An installation ends its own models, and no others."""

from dataclasses import replace

import pytest

from apps.accounts.models import User
from apps.deployments import services
from apps.deployments.models import Deployment
from apps.deployments.specs import spec_of
from apps.deployments.targets.memory import MemoryTarget
from apps.registry.models import ModelVersion
from apps.stages.models import Environment
from mlgov.endings import end_models
from tests import factories
from tests.deployments.conftest import Enter, running


def test_only_our_own_models_are_ended(serving: Deployment) -> None:
    theirs = replace(spec_of(serving), name="mlgov-d1-theirs", replicas=1)
    MemoryTarget({}).apply(theirs)
    assert running() == {serving.service_name: 2, theirs.name: 1}

    assert end_models()
    assert running() == {theirs.name: 1}
    assert end_models()  # nothing is left to be ended


def test_what_served_comes_back_at_the_next_start(serving: Deployment) -> None:
    end_models()
    serving.refresh_from_db()
    assert (serving.state, serving.traffic) == ("serving", 100)

    services.reconcile()
    assert running() == {serving.service_name: 2}


def test_a_retired_model_is_ended_whose_replicas_nobody_has_cleared_away(
    serving: Deployment, owner: User
) -> None:
    services.retire(serving, by=owner, reason="Not used any more.")  # and no worker clears it
    assert running() == {serving.service_name: 2}

    assert end_models()
    assert running() == {}


def test_a_target_that_does_not_answer_keeps_no_other_model_running(
    serving: Deployment,
    version: ModelVersion,
    enter: Enter,
    capsys: pytest.CaptureFixture[str],
) -> None:
    elsewhere = factories.make_environment("elsewhere")
    enter(version, factories.make_stage("lab", environment=elsewhere, approvals_required=0))
    Environment.objects.filter(pk=serving.endpoint.environment_id).update(
        target="docker", options={"docker_host": "tcp://127.0.0.1:9"}
    )
    assert len(running()) == 2

    assert not end_models()
    assert list(running()) == [serving.service_name]
    assert f"{serving} could not be ended" in capsys.readouterr().err
