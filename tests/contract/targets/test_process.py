import json
import os
import signal
import time
from pathlib import Path

import pytest

from apps.deployments.targets import process
from apps.runs.failures import RunFailure
from tests.contract.targets.test_targets import predict

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("place", ["process"], indirect=True)]


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_replica_that_is_killed_comes_back(place):
    place.target.apply(place.spec)
    (replica,) = place.healthy(1)

    os.kill(int(replica.id), signal.SIGKILL)
    time.sleep(0.2)

    (again,) = place.healthy(1)
    assert (again.id != replica.id, again.restarts) == (True, 1)
    assert predict(again.address, place.body) == (200, {"predictions": place.predictions})


def test_a_killed_supervisor_takes_its_replica_along_and_apply_starts_both(place, tmp_path):
    place.target.apply(place.spec)
    (replica,) = place.healthy(1)
    supervisor = json.loads((tmp_path / f"{place.spec.name}-0" / "supervisor.json").read_text())

    os.kill(supervisor["pid"], signal.SIGKILL)
    time.sleep(0.3)

    (orphan,) = place.target.observe(place.spec.name)
    assert (orphan.state, orphan.detail) == ("exited", "its supervisor is gone")
    assert not is_alive(int(replica.id))
    place.target.apply(place.spec)
    assert place.healthy(1)[0].id != replica.id


def test_a_model_sees_no_secret_of_the_worker(place, monkeypatch):
    monkeypatch.setenv("MLGOV_SECRET_KEY", "s3cret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    place.target.apply(place.spec)
    (replica,) = place.healthy(1)

    environment = Path(f"/proc/{replica.id}/environ").read_bytes()

    assert b"s3cret" not in environment
    assert b"MLGOV_MODEL_NAME=tests/iris" in environment


def test_everything_can_be_ended_at_once(place, tmp_path):
    place.target.apply(place.spec)
    (replica,) = place.healthy(1)

    assert process.names(tmp_path) == [place.spec.name]
    process.stop_all(tmp_path)
    process.stop_all(tmp_path)

    assert process.names(tmp_path) == []
    assert not is_alive(int(replica.id))


def test_a_version_that_is_not_on_this_machine_is_reported(place, tmp_path):
    spec = place.spec.__class__("mlgov-x", f"model:{tmp_path}", f"venv:{tmp_path}", "sha256:0")

    with pytest.raises(RunFailure) as failure:
        place.target.apply(spec)

    assert failure.value.code == "deployments.platform.image-missing"
