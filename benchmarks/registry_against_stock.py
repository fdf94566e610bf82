"""The registry's calls on mlgov and on a stock `mlflow server`, on one PostgreSQL, in one run.

All hold the same: 10,000 models of ten versions, one model of 100 versions, one of 50,000. The
stock server is started twice, as its users do it, with two workers: open to everybody, and with
permissions, which is its `basic-auth` app; mlgov by `manage.py serve`, with two gunicorn workers.
It has its permissions on as always, and the token of a data scientist who is in some of several
projects. The stock server with permissions is asked as somebody who is no administrator and may
edit everything by default, the least work that it can have, and remembers checked passwords. They
take turns. Every call is made on a connection that is kept, as the Python client makes it, and on a
new connection each time, which leaves the network's delays out.
"""

import benchmarks.with_django  # noqa: F401  isort: skip

import argparse
import base64
import http.client
import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from benchmarks.registry_data import MODELS, STOCK
from tests import servers
from tests.journeys.product import Product, run_inside

API = "/api/2.0/mlflow"
NO_PROMPTS = "tag.`mlflow.prompt.is_prompt` != 'true'"  # the client adds it to every search
# Which of her projects something new belongs to; the stock server keeps it as any tag.
PROJECT = [{"key": "mlgov.project", "value": "project-0"}]
# Left alone, PostgreSQL's generic plan for the stock server's search of versions takes minutes from
# the sixth call on. Its users' older driver prepares nothing, and is not met by this.
CUSTOM_PLANS = "options=-c%20plan_cache_mode%3Dforce_custom_plan"
READ, SEARCH_MODELS, WRITE = 2.0, 10.0, 1.0  # how many times as fast it is meant to be

UNFINISHED = """
SELECT EXISTS (SELECT 1 FROM outbox_outboxmessage WHERE state = 'waiting')
    OR EXISTS (SELECT 1 FROM runs_run WHERE state IN ('queued', 'running'))
"""
# Without a cache each call would be a check of a password, some tens of milliseconds long.
PERMISSIONS = """
[mlflow]
default_permission = EDIT
database_uri = {database}
admin_username = admin
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 3600
"""
PASSWORD = "a passphrase of a benchmark"  # nosec B105
STOCKS = ("stock", "stock with permissions")
LOAD = "from benchmarks.registry_data import load_mlgov\nload_mlgov()"


@dataclass
class Server:
    """One of the three, with what a call needs to know of it."""

    name: str
    port: int
    headers: dict[str, str]
    run: dict[str, Any]
    # Waits for the work that calls left behind, so that it is not counted with the next call.
    settle: Callable[[], None] = lambda: None

    def open(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def call(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        arguments: dict[str, Any],
    ) -> Any:
        headers, target, body = dict(self.headers), f"{API}/{path}", None
        if method == "GET":
            target += "?" + urlencode(arguments, doseq=True)
        else:
            headers["Content-Type"] = "application/json"
            body = json.dumps(arguments).encode()
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{self.name}: {path}: {answer.status} {content[:500]!r}")
        return content


@dataclass(frozen=True)
class Call:
    title: str
    goal: float
    method: str
    path: str
    arguments: Callable[[Server, int], dict[str, Any]]
    rows: str = ""  # what is counted, so that both give the same
    share: float = 1.0  # of the repetitions; long calls are made less often


def some_model(number: int) -> str:
    return f"bench-{number * 7919 % MODELS + 1:05}"


def search(name: str, size: int) -> Callable[[Server, int], dict[str, Any]]:
    return lambda server, n: {"filter": f"name = '{name}' AND {NO_PROMPTS}", "max_results": size}


def unused(number: int) -> str:
    return f"new-{os.getpid()}-{number}"


def new_version(server: Server, number: int) -> dict[str, Any]:
    source = f"{server.run['artifact_uri']}/model"
    return {"name": some_model(number), "source": source, "run_id": server.run["run_id"]}


CALLS = (
    Call("get a model", READ, "GET", "registered-models/get", lambda s, n: {"name": some_model(n)}),
    Call(
        "get a version",
        READ,
        "GET",
        "model-versions/get",
        lambda s, n: {"name": some_model(n), "version": "2"},
    ),
    Call(
        "get by alias",
        READ,
        "GET",
        "registered-models/alias",
        lambda s, n: {"name": some_model(n), "alias": "champion"},
    ),
    Call(
        "search the 100 versions of a model",
        READ,
        "GET",
        "model-versions/search",
        search("hundred", 10_000),
        rows="model_versions",
    ),
    Call(
        "search 50,000 versions of a model, 100 a page",
        READ,
        "GET",
        "model-versions/search",
        search("large", 100),
        rows="model_versions",
        share=0.5,
    ),
    Call(
        "search 50,000 versions of a model, 10,000 a page",
        READ,
        "GET",
        "model-versions/search",
        search("large", 10_000),
        rows="model_versions",
        share=0.1,
    ),
    Call(
        "search 10,000 models, 100 a page",
        SEARCH_MODELS,
        "GET",
        "registered-models/search",
        lambda s, n: {"filter": NO_PROMPTS, "max_results": 100},
        rows="registered_models",
        share=0.5,
    ),
    Call(
        "search models by name",
        SEARCH_MODELS,
        "GET",
        "registered-models/search",
        lambda s, n: {"filter": f"name LIKE 'bench-000%' AND {NO_PROMPTS}", "max_results": 100},
        rows="registered_models",
        share=0.5,
    ),
    Call(
        "create a model",
        WRITE,
        "POST",
        "registered-models/create",
        lambda s, n: {"name": unused(n), "tags": PROJECT},
    ),
    Call("create a version", WRITE, "POST", "model-versions/create", new_version),
    Call(
        "set a tag of a version",
        WRITE,
        "POST",
        "model-versions/set-tag",
        lambda s, n: {"name": some_model(n), "version": "1", "key": "mark", "value": str(n)},
    ),
    Call(
        "set an alias",
        WRITE,
        "POST",
        "registered-models/alias",
        lambda s, n: {"name": some_model(n), "alias": "next", "version": "2"},
    ),
)


@contextmanager
def stock(directory: Path, database: str, name: str) -> Iterator[Server]:
    """As its users start it: `mlflow server` with two workers, the job runner left out."""
    port = servers.free_port()
    home = directory / name.replace(" ", "-")
    home.mkdir()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database),
        *("--artifacts-destination", str(home / "artifacts"), "--workers", "2"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    environment = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    guarded = name == "stock with permissions"
    if guarded:
        command += ["--app-name", "basic-auth"]
        config = home / "basic_auth.ini"
        users = f"sqlite:///{home / 'users.db'}"
        config.write_text(PERMISSIONS.format(database=users, password=PASSWORD))
        environment |= {
            "MLFLOW_AUTH_CONFIG_PATH": str(config),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(),
        }
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output, cwd=home
        )
    try:
        server = Server(name, port, basic("admin") if guarded else {}, {})
        given_up_at = time.monotonic() + 180
        while True:
            try:
                server.call(server.open(), "GET", "registered-models/search", {"max_results": 1})
                break
            except (OSError, http.client.HTTPException):
                if process.poll() is not None or time.monotonic() > given_up_at:
                    raise RuntimeError(log.read_text()[-2000:]) from None
                time.sleep(0.2)
        if guarded:
            ada = {"username": "ada", "password": PASSWORD}
            server.call(server.open(), "POST", "users/create", ada)
            server.headers = basic("ada")
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(STOCK)
            connection.execute("VACUUM ANALYZE")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:  # in a query that nobody waits for any more
            process.kill()
            process.wait()


def basic(username: str) -> dict[str, str]:
    return {
        "Authorization": "Basic " + base64.b64encode(f"{username}:{PASSWORD}".encode()).decode()
    }


@contextmanager
def mlgov(directory: Path, database: str) -> Iterator[Server]:
    ours = ("MLGOV_", "DJANGO_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environment |= {
        "MLGOV_DATA_DIR": str(directory / "mlgov"),
        # One person sends more here than a person may.
        "MLGOV_RATE_LIMITS": "false",
        "MLGOV_DATABASE_URL": database,
        "MLGOV_WEB_WORKERS": "2",
        # As installations have it; the other one, for people, takes five times as long to write.
        "MLGOV_LOG_FORMAT": "json",
    }
    with Product(environment) as product:
        token = run_inside(product.environment, LOAD, "TOKEN")
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        headers = {"Authorization": f"Bearer {token}"}
        yield Server("mlgov", product.port, headers, {}, lambda: wait_for_workers(database))


def wait_for_workers(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        while connection.execute(UNFINISHED).fetchone() != (False,):
            time.sleep(0.2)


def make_run(server: Server) -> None:
    """A run with something at the place that the new versions name as their source."""
    connection = server.open()
    body: dict[str, Any] = {"name": "benchmark", "tags": PROJECT}
    made = json.loads(server.call(connection, "POST", "experiments/create", body))
    body = {**made, "start_time": 1_790_000_000_000}
    server.run = json.loads(server.call(connection, "POST", "runs/create", body))["run"]["info"]
    root = server.run["artifact_uri"].removeprefix("mlflow-artifacts:/")
    path = f"/api/2.0/mlflow-artifacts/artifacts/{root}/model/MLmodel"
    connection.request("PUT", path, b"flavors: {python_function: {}}\n", server.headers)
    assert connection.getresponse().read() is not None


def measure(server: Server, call: Call, times: int, first: int, *, keep: bool) -> list[float]:
    """Milliseconds of each repetition."""
    connection = server.open()
    found = []
    for number in range(first, first + times):
        arguments = call.arguments(server, number)
        began = time.perf_counter()
        if not keep:
            connection = server.open()
        content = server.call(connection, call.method, call.path, arguments)
        found.append((time.perf_counter() - began) * 1000)
        if not keep:
            connection.close()
        if call.rows and not json.loads(content).get(call.rows):
            raise RuntimeError(f"{server.name}: {call.title}: nothing was found")
    connection.close()
    return found


def rows_of(server: Server, call: Call) -> int:
    answer = json.loads(
        server.call(server.open(), call.method, call.path, call.arguments(server, 0))
    )
    return len(answer.get(call.rows, []))


def run(contestants: list[Server], rounds: int, times: int, wanted: str) -> dict[Any, list[float]]:
    found: dict[Any, list[float]] = defaultdict(list)
    number = 0
    for call in CALLS:
        if wanted not in call.title:
            continue
        if call.rows:
            counts = {server.name: rows_of(server, call) for server in contestants}
            if len(set(counts.values())) > 1:
                raise RuntimeError(f"{call.title}: not the same number of rows: {counts}")
        repetitions = max(2, round(times * call.share))
        for turn in range(rounds):
            for keep in (True, False):
                for server in contestants if turn % 2 else contestants[::-1]:
                    # The first call of a round pays for connections and caches.
                    measured = measure(server, call, repetitions + 1, number, keep=keep)[1:]
                    found[call.title, server.name, keep] += measured
                    server.settle()
                number += repetitions + 1
    return found


def show(console: Console, found: dict[Any, list[float]]) -> None:
    for keep, kind in ((True, "connections kept"), (False, "a new connection for each call")):
        table = Table(f"median of ms, {kind}", *STOCKS, "mlgov", "goal")
        for call in CALLS:
            medians = {
                name: statistics.median(found[call.title, name, keep])
                for name in (*STOCKS, "mlgov")
                if found.get((call.title, name, keep))
            }
            if not medians:
                continue
            ours = medians["mlgov"]
            ratios = {name: medians[name] / ours for name in STOCKS}
            reached = [name for name in STOCKS if ratios[name] >= call.goal]
            table.add_row(
                call.title,
                *(f"{medians[name]:.1f} ({ratios[name]:.1f}x)" for name in STOCKS),
                f"{ours:.1f}",
                f"{call.goal:.0f}x: {' and '.join(reached) or 'missed'}",
            )
        console.print(table)
    console.print(f"{platform.platform()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registry_against_stock")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=40, help="repetitions in a round")
    parser.add_argument("--only", default="", help="calls whose title contains this")
    options = parser.parse_args()
    console = Console(highlight=False, width=132)
    with ExitStack() as held:
        directory = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="mlgov-bench-")))
        database = held.enter_context(servers.postgres())
        with psycopg.connect(database, autocommit=True) as connection:
            for name in STOCKS:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        began = time.monotonic()
        contestants = [
            *(
                held.enter_context(
                    stock(
                        directory,
                        f"{database.rpartition('/')[0]}/{quote(name)}?{CUSTOM_PLANS}",
                        name,
                    )
                )
                for name in STOCKS
            ),
            held.enter_context(mlgov(directory, database)),
        ]
        for server in contestants:
            make_run(server)
        console.print(f"all loaded after {time.monotonic() - began:.0f} s")
        found = run(contestants, options.rounds, options.times, options.only)
        show(console, found)


if __name__ == "__main__":
    main()
