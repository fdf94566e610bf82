"""What every target promises."""

import dataclasses
import json

import pytest

from apps.core.errors import Invalid
from apps.deployments.targets import http, registry
from apps.runs.failures import RunFailure
from tests.contract.targets.waiting import wait

JSON = {"content-type": "application/json"}


def predict(address, body):
    answer = http.request(address, "POST", "/invocations", body, JSON)
    return answer.status, json.loads(answer.body)


def ids(replicas):
    return [(replica.index, replica.id, replica.address) for replica in replicas]


def test_targets_are_found_by_name():
    assert {"docker", "process"} <= set(registry.names())


def test_an_unknown_target_is_refused_with_the_known_ones():
    with pytest.raises(Invalid, match="no target 'mainframe'"):
        registry.target("mainframe")


def test_it_says_that_it_works_and_what_it_can(place):
    place.target.check()

    assert place.target.capabilities.max_replicas >= 2


def test_replicas_answer_what_the_model_answers(place):
    place.target.apply(dataclasses.replace(place.spec, replicas=2))

    replicas = place.healthy(2)

    assert [replica.index for replica in replicas] == [0, 1]
    assert [predict(replica.address, place.body) for replica in replicas] == [
        (200, {"predictions": place.predictions})
    ] * 2
    assert predict(replicas[0].address, b"{")[0] == 400
    assert place.target.logs(place.spec.name, 50)


def test_applying_again_keeps_replicas_and_scaling_keeps_the_first(place):
    two = dataclasses.replace(place.spec, replicas=2)
    place.target.apply(two)
    before = ids(place.healthy(2))

    # another worker, which knows nothing but the name
    other = place.make()
    assert ids(other.apply(two)) == before
    assert ids(other.apply(place.spec)) == before[:1]
    assert ids(other.observe(place.spec.name)) == before[:1]


def test_a_changed_service_has_new_replicas(place):
    place.target.apply(place.spec)
    before = place.healthy(1)

    changed = {**place.spec.env, "MLGOV_DEPLOYMENT": "2"}
    place.target.apply(dataclasses.replace(place.spec, env=changed))

    after = place.healthy(1)
    assert [replica.id for replica in after] != [replica.id for replica in before] or (
        place.kind == "memory" and after[0].address != before[0].address
    )


def test_a_service_that_is_not_there_has_no_replicas_and_no_log(place):
    assert place.target.observe("mlgov-nobody") == []
    assert place.target.logs("mlgov-nobody") == ""


def test_what_is_removed_is_gone_and_removing_it_twice_is_harmless(place):
    place.target.apply(place.spec)
    (replica,) = place.healthy(1)

    place.target.remove(place.spec.name)
    place.target.remove(place.spec.name)

    assert place.target.observe(place.spec.name) == []
    with pytest.raises(http.ReplicaUnreachable):
        http.request(replica.address, "GET", "/ping")


def test_a_replica_that_failed_says_why_and_is_replaced_by_the_next_apply(place):
    place.target.apply(place.broken)
    detail = (
        "the model fails to load: ModuleNotFoundError: No module named 'not_installed_anywhere'"
    )
    if place.kind == "memory":
        place.target.fail(place.broken.name, 0, detail)

    (replica,) = wait(place.target, place.broken.name, "exited", 1)
    place.target.apply(place.spec)

    assert (replica.detail, replica.is_final) == (detail, True)
    assert place.healthy(1)[0].detail == ""


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("process", marks=pytest.mark.slow),
        pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.slow]),
    ],
    indirect=True,
)
def test_an_image_with_other_content_than_approved_does_not_serve(place):
    spec = dataclasses.replace(place.spec, artifact_digest="sha256:0")

    assert "sha256:0" in refusal(place.target, spec)
    assert not [r for r in place.target.observe(spec.name) if r.state == "healthy"]


def refusal(target, spec):
    """Some targets know it before, some when the runtime looks."""
    try:
        target.apply(spec)
    except RunFailure as refused:
        return refused.text
    return wait(target, spec.name, "exited", 1)[0].detail
