"""docker-compose.yml: it is valid, and the containers that it names start against each other."""

import json
import os
import secrets
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import yaml
from docker.errors import ImageNotFound

from tests import capabilities, servers

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = {"postgres:16": "postgres", "redis:7": "redis"}
SERVICES = {
    *(
        "migrate",
        "web",
        "worker",
        "worker-builds",
        "worker-deployments",
        "worker-evaluations",
        "beat",
    ),
    *("postgres", "redis", "mlflow"),
}
SECRETS = ("MLGOV_SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD")
ENGINE = Path("/var/run/docker.sock")


def compose_command() -> list[str] | None:
    if (old := shutil.which("docker-compose")) is not None:
        return [old]
    if (cli := shutil.which("docker")) is not None:
        found = subprocess.run([cli, "compose", "version"], capture_output=True, check=False)
        if found.returncode == 0:
            return [cli, "compose"]
    return None


@pytest.fixture(scope="module")
def compose() -> list[str]:
    command = compose_command()
    if command is None:
        pytest.skip("neither docker-compose nor the compose plugin of docker is here")
    return [*command, "--project-name", "mlgov-test", "--file", str(ROOT / "docker-compose.yml")]


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    port = servers.free_port()
    mlgov = {name: secrets.token_hex(16) for name in SECRETS} | {
        "MLGOV_BASE_URL": f"http://127.0.0.1:{port}",
        "MLGOV_PUBLISH": f"127.0.0.1:{port}",
        "MLGOV_BEHIND_TLS": "false",
        "MLGOV_REGISTRY": capabilities.REGISTRY,
        "MLGOV_TAG": "test",
        "DOCKER_GID": str(ENGINE.stat().st_gid if ENGINE.exists() else 0),
        # The builder that every engine has.
        "DOCKER_BUILDKIT": "0",
        "COMPOSE_DOCKER_CLI_BUILD": "0",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLGOV_")}
    return kept | mlgov


@pytest.mark.docker
def test_the_file_is_valid(compose, environment):
    done = run([*compose, "config"], environment)

    services = yaml.safe_load(done.stdout)["services"]
    with_engine = {
        name
        for name, service in services.items()
        if any("docker.sock" in str(volume) for volume in service.get("volumes", []))
    }
    assert set(services) == SERVICES
    assert with_engine == {"worker-builds", "worker-deployments", "worker-evaluations"}
    assert [n for n, s in services.items() if n != "migrate" and "healthcheck" not in s] == []


@pytest.mark.docker
@pytest.mark.parametrize("secret", SECRETS)
def test_no_password_has_a_default(compose, environment, secret):
    without = {name: value for name, value in environment.items() if name != secret}

    done = run([*compose, "config"], without, check=False)

    assert done.returncode != 0
    assert "openssl rand -hex 32" in done.stderr


@pytest.fixture(scope="module")
def stack(compose: list[str], environment: dict[str, str]) -> Iterator[str]:
    engine = docker.from_env()
    for image, directory in STAND_INS.items():
        try:
            engine.images.get(image)
        except ImageNotFound:
            context = Path(__file__).parent / directory
            engine.images.build(path=str(context), tag=image, rm=True, forcerm=True)
    try:
        run([*compose, "build", "mlflow", "migrate"], environment)
        run([*compose, "up", "--detach", "--no-build"], environment, check=False)
        yield environment["MLGOV_BASE_URL"]
    finally:
        run([*compose, "down", "--volumes", "--timeout", "10"], environment, check=False)
        engine.close()


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_services_start_against_each_other(compose, environment, stack):
    deadline = time.monotonic() + 240
    while (answer := ask(f"{stack}/readyz"))[0] != 200 and time.monotonic() < deadline:
        time.sleep(2)

    assert answer[0] == 200, f"{answer}\n{logs(compose, environment)}"


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_service_reports_itself_healthy(compose, environment, stack):
    deadline = time.monotonic() + 180
    while (found := states()) != expected(found) and time.monotonic() < deadline:
        time.sleep(2)

    assert found == expected(found), logs(compose, environment)


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_worker_writes_cards_as_pdf(compose, environment, stack):
    """In the image as it is shipped, with its read-only file system and its fonts."""
    program = (
        "import django; django.setup()\n"
        "from apps.cards.formats import registry\n"
        "card = {'schema_version': '1', 'overview': {'name': 'Größe, μ, ≤'}}\n"
        "print(registry.export('pdf', card).content[:5])"
    )

    done = run([*compose, "exec", "-T", "worker", "python", "-c", program], environment)

    assert done.stdout.splitlines()[-1:] == ["b'%PDF-'"]


def states() -> dict[str, str]:
    """Service -> health, or the exit status of one that has ended."""
    engine = docker.from_env()
    containers = engine.containers.list(
        all=True, filters={"label": "com.docker.compose.project=mlgov-test"}
    )
    found = {}
    for container in containers:
        state = container.attrs["State"]
        running = state.get("Health", {}).get("Status", "unchecked")
        found[container.labels["com.docker.compose.service"]] = (
            running if state["Status"] == "running" else f"{state['Status']} {state['ExitCode']}"
        )
    engine.close()
    return found


def expected(found: dict[str, str]) -> dict[str, str]:
    return dict.fromkeys(found.keys() | SERVICES, "healthy") | {"migrate": "exited 0"}


def ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def logs(compose: list[str], environment: dict[str, str]) -> str:
    return "\n".join(
        run([*compose, *command], environment, check=False).stdout
        for command in (["ps"], ["logs", "--tail", "30", "--no-color"])
    )


def run(
    command: list[str], environment: dict[str, str], *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        pytest.fail(f"{json.dumps(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done
