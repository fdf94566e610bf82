import dataclasses
import os
import shutil
import signal
from pathlib import Path

import docker
import pytest

from apps.deployments.targets import http
from apps.deployments.targets.docker import DockerTarget
from apps.runs.failures import RunFailure
from tests.contract.targets.test_targets import predict

pytestmark = [pytest.mark.docker, pytest.mark.slow]
only_docker = pytest.mark.parametrize("place", ["docker"], indirect=True)


@only_docker
def test_a_replica_has_no_rights_and_no_network(place):
    place.target.apply(place.spec)
    (replica,) = place.healthy(1)
    container = docker.from_env().containers.get(replica.id)

    script = (
        "import os, socket;"
        "s = dict(l.split(':\t') for l in open('/proc/self/status') if ':\t' in l);"
        "print(os.getuid(), int(s['CapEff'], 16), int(s['CapBnd'], 16), s['NoNewPrivs'].strip(),"
        "s['Seccomp'].strip(), [n for _, n in socket.if_nameindex()], os.access('/', os.W_OK))"
    )
    said = container.exec_run(["python", "-c", script]).output.decode()

    assert said.split(maxsplit=5)[:5] == ["10001", "0", "0", "1", "2"]
    assert "'lo'" in said
    assert "eth0" not in said
    host = container.attrs["HostConfig"]
    facts = ("NetworkMode", "ReadonlyRootfs", "PidsLimit", "Memory", "NanoCpus", "Init")
    assert {name: host[name] for name in facts} == {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "PidsLimit": 256,
        "Memory": 1 << 30,
        "NanoCpus": 10**9,
        "Init": True,
    }


@only_docker
def test_a_replica_that_crashes_comes_back(place):
    place.target.apply(place.spec)
    (replica,) = place.healthy(1)
    state = docker.from_env().api.inspect_container(replica.id)["State"]
    (child,) = Path(f"/proc/{state['Pid']}/task/{state['Pid']}/children").read_text().split()

    os.kill(int(child), signal.SIGSEGV)
    with pytest.raises(http.ReplicaUnreachable):
        http.request(replica.address, "GET", "/ping")

    (again,) = place.healthy(1)
    assert (again.id, again.restarts) == (replica.id, 1)
    assert predict(again.address, place.body) == (200, {"predictions": place.predictions})


@only_docker
def test_a_stopped_replica_is_started_by_the_next_apply(place):
    place.target.apply(place.spec)
    (replica,) = place.healthy(1)
    docker.from_env().containers.get(replica.id).kill()

    (stopped,) = place.target.observe(place.spec.name)
    place.target.apply(place.spec)

    assert (stopped.state, stopped.detail) == ("exited", "it ended with status 137")
    assert place.healthy(1)[0].id == replica.id


@only_docker
def test_a_replica_can_be_reached_over_a_loopback_port(place):
    place.target.apply(dataclasses.replace(place.spec, options={"connect": "port"}))

    (replica,) = place.healthy(1)

    assert replica.address.startswith("http://127.0.0.1:")
    assert predict(replica.address, place.body) == (200, {"predictions": place.predictions})


@only_docker
def test_an_image_that_is_gone_is_reported(place):
    with pytest.raises(RunFailure) as failure:
        place.target.apply(dataclasses.replace(place.spec, image=f"sha256:{'0' * 64}"))

    assert failure.value.code.startswith("deployments.platform.")


def test_an_engine_that_is_not_there_is_reported():
    with pytest.raises(RunFailure) as failure:
        DockerTarget({"docker_host": "unix:///nowhere/docker.sock"}).check()

    assert failure.value.code == "deployments.platform.engine-unreachable"


def test_a_network_that_is_not_there_is_reported():
    with pytest.raises(RunFailure) as failure:
        DockerTarget({"connect": "network", "network": "mlgov-nowhere"}).check()

    assert failure.value.code == "deployments.platform.network-missing"


def test_a_way_to_connect_that_does_not_exist_is_reported(tmp_path):
    with pytest.raises(RunFailure) as failure:
        DockerTarget({"connect": "pigeon", "sockets_dir": str(tmp_path)}).check()

    assert failure.value.code == "deployments.platform.option-invalid"
    shutil.rmtree(tmp_path)
