"""`make demo ONCE=1`, with each set of parts that mlgov promises to work with.

The demo itself checks every step: mails and their links, the move, the replicas, and that the
endpoint's predictions equal those of the model. It ends with 0 only if all of that held.
"""

import json
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import requests

from tests.journeys.product import END, ROOT, SERVICES, free_port, run_inside, what_runs

pytestmark = pytest.mark.slow


def run_demo(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo", "--once"],
        cwd=ROOT,
        env={**environment, "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )


def what_is_left(done: subprocess.CompletedProcess[str], data_dir: Path) -> dict[str, object]:
    assert done.returncode == 0, done.stdout + done.stderr
    path = data_dir / "demo.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    left: dict[str, object] = json.loads(path.read_text())
    return left


@pytest.mark.timeout(1800)
def test_on_sqlite_with_processes(product_environment: dict[str, str]) -> None:
    data_dir = Path(product_environment["MLGOV_DATA_DIR"])
    environment = {
        **product_environment,
        "MLGOV_DEFAULT_TARGET": "process",
        "MLGOV_PORT": str(free_port()),
        # As of somebody who works with another server: the demo has to leave it alone.
        "MLFLOW_REGISTRY_URI": f"http://127.0.0.1:{free_port()}",
        "MLFLOW_EXPERIMENT_NAME": "elsewhere",
    }
    left = what_is_left(run_demo(environment), data_dir)
    assert set(left) >= {"base_url", "people", "endpoint", "model"}

    again = run_demo(environment)
    what_is_left(again, data_dir)
    assert "Everything is there from an earlier start" in again.stdout

    with pytest.raises(requests.ConnectionError):
        requests.get(str(left["base_url"]), timeout=5)
    assert what_runs(data_dir, run_inside(environment, SERVICES, "SERVICES")) == []


@pytest.mark.timeout(1800)
@pytest.mark.docker
@pytest.mark.registry
@pytest.mark.postgres
@pytest.mark.redis
def test_on_postgres_redis_and_docker(
    product_environment: dict[str, str],
    postgres_database: str,
    redis_server: str,
    registry_host: str,
) -> None:
    data_dir = Path(product_environment["MLGOV_DATA_DIR"])
    environment = {
        **product_environment,
        "MLGOV_DEFAULT_TARGET": "docker",
        "MLGOV_DATABASE_URL": postgres_database,
        "MLGOV_BROKER_URL": redis_server,
        "MLGOV_REGISTRY": registry_host,
        "MLGOV_PORT": str(free_port()),
    }
    try:
        what_is_left(run_demo(environment), data_dir)
        with psycopg.connect(postgres_database) as connection:
            served = connection.execute(
                "SELECT e.slug, d.state, d.traffic, i.reference FROM deployments_deployment d"
                " JOIN deployments_endpoint e ON e.id = d.endpoint_id"
                " JOIN builds_modelimage i ON i.id = d.image_id ORDER BY e.slug"
            ).fetchall()
        assert [row[1:3] for row in served] == [("serving", 100), ("serving", 100)]
        assert all(f"{registry_host}/" in row[3] and "@sha256:" in row[3] for row in served)
        services = run_inside(environment, SERVICES, "SERVICES")
        assert len(services) == 2
        assert what_runs(data_dir, services) == []
    finally:
        run_inside(environment, END + SERVICES, "SERVICES")
