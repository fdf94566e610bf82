import dataclasses
import re
import threading
import time
import urllib.request

import docker
import pytest

from apps.builds.builders.docker import repository_of
from apps.runs.failures import RunFailure
from tests import capabilities
from tests.contract.builders import packed
from tests.contract.builders.packed import Notes

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def failure_of(function, *arguments):
    with pytest.raises(RunFailure) as failure:
        function(*arguments)
    return failure.value.code


def test_two_models_never_share_a_repository():
    names = ["justice/arrests", "justice/Arrests", "justice/arrests ", "Straße 1", "stra-e-1", ".."]

    repositories = [repository_of(name) for name in names]

    assert repositories[0] == "justice/arrests"
    assert len(set(repositories)) == len(names)
    for repository in repositories:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+(-[a-z0-9]+)*)*", repository)


def test_an_engine_that_is_not_there_is_reported():
    builder = packed.make("docker")
    builder.options["docker_host"] = "unix:///nowhere/docker.sock"

    assert failure_of(builder.check) == "builds.platform.engine-unreachable"


def test_a_base_image_that_is_not_there_is_reported():
    made = packed.iris("docker")
    spec = dataclasses.replace(made.spec, options={"base_image": "127.0.0.1:9/python:{python}"})

    code = failure_of(packed.make("docker").environment_key, spec)

    assert code == "builds.platform.base-image-missing"


def test_a_cancelled_build_leaves_no_container_at_work():
    made, client = packed.iris("docker"), docker.from_env()
    # an environment that no test ever finishes
    spec = dataclasses.replace(made.spec, options={"system_packages": ["libgomp1", "libpq5"]})
    notes = Notes()
    before = {container.id for container in client.containers.list(all=True)}

    def cancel_when_it_works():
        while not {one.id for one in client.containers.list()} - before:
            time.sleep(0.1)
        notes.cancelled.set()

    threading.Thread(target=cancel_when_it_works, daemon=True).start()
    with pytest.raises(packed.Cancelled):
        packed.make("docker").build_environment(spec, notes)

    def left():
        new = [one for one in client.containers.list() if one.id not in before]
        return [one for one in new if re.search("apt-get|set -eu", str(one.attrs["Config"]["Cmd"]))]

    deadline = time.monotonic() + 10
    while left() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left() == []


def test_a_registry_that_does_not_answer_is_reported():
    made = packed.iris("docker")
    spec = dataclasses.replace(made.spec, registry="127.0.0.1:9")

    code = failure_of(made.builder.build_model, spec, made.environment, Notes())

    assert code == "builds.platform.registry-unreachable"


def test_the_image_says_what_it_is_and_runs_as_nobody():
    made = packed.iris("docker")

    image = docker.from_env().images.get(made.image.reference)

    labels = {name: value for name, value in image.labels.items() if name.startswith("org.mlgov.")}
    assert labels.pop("org.mlgov.base").startswith("sha256:")
    assert labels == {
        "org.mlgov.model": "Tests/iris",
        "org.mlgov.version": "1",
        "org.mlgov.digest": made.spec.artifact_digest,
        "org.mlgov.environment": made.environment.key,
        "org.mlgov.review": "7",
    }
    assert image.attrs["Config"]["User"] == "10001:10001"
    names = {line.partition("=")[0] for line in image.attrs["Config"]["Env"]}
    assert not [name for name in names if re.search("CERT|_CA_|PROXY|INDEX|TOKEN", name)]


@pytest.mark.registry
def test_what_is_pushed_is_pinned_by_the_registrys_digest():
    made = packed.iris("docker")
    spec = dataclasses.replace(made.spec, registry=capabilities.REGISTRY)

    environment = made.builder.build_environment(spec, Notes())
    image = made.builder.build_model(spec, environment, Notes())

    repository, _, digest = image.reference.partition("@")
    assert (repository.partition("/")[0], digest) == (capabilities.REGISTRY, image.digest)
    path = repository.partition("/")[2]
    request = urllib.request.Request(
        f"http://{capabilities.REGISTRY}/v2/{path}/manifests/{digest}",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Docker-Content-Digest"] == digest
