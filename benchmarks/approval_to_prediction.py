"""From the last approval to the first prediction, with and without the environment there.

The installation is real (`manage.py serve`, SQLite), the model is the demo's. The first version
finds no environment (cold), the second one finds the first one's (warm). What a user would take
instead is timed beside it: `mlflow models serve` with an environment of its own, from the same
registered version until its first answer, again cold and warm.

Cold means that nothing is there: each of the three has an empty package cache of its own, and the
environment image is built on a base image of this run, which no layer on the engine and no image
in the registry is built on.
"""

import benchmarks.with_django  # noqa: F401  isort: skip

import io
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import requests
from docker.errors import APIError
from rich.console import Console
from rich.table import Table

from apps.builds.builders.docker import BASE_IMAGE
from apps.deployments.targets.registry import target
from apps.runs.failures import RunFailure
from mlgov.demo.steps import Step
from mlgov.demo.story import MODEL, REVIEWERS, Story
from tests.journeys.product import Product, free_port, run_inside

console = Console(highlight=False)
PATIENCE = 1200  # seconds
OURS = "org.mlgov.benchmark"
BUILD_ON = """
import json, sys
from apps.stages.models import Environment
print("BASE" + json.dumps(Environment.objects.update(options={"base_image": sys.argv[1]})))
"""


class Quiet(Step):
    def __init__(self) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def progress(self, text: str) -> None:
        pass


def approve(story: Story, number: int) -> float:
    """Let the version into Staging; returns the moment of the last approval."""
    review = story.request_review(number, "Staging", "For the benchmark.")
    moment = 0.0
    for username in REVIEWERS:
        reader = story.script(username)
        digest = reader.get(f"/reviews/{review}")["read_digest"]
        moment = time.monotonic()
        reader.post(f"/reviews/{review}/approve", read_digest=digest, comment="")
    return moment


@contextmanager
def fresh_base_image() -> Iterator[str]:
    """A base image of this run; what was built on it goes with it, but for the registry's copy."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    engine = docker.from_env()
    run = uuid.uuid4().hex[:12]
    try:
        lines = f"FROM {BASE_IMAGE.format(python=python)}\nLABEL {OURS}={run}\n"
        name = f"mlgov-benchmark:{run}"
        engine.images.build(fileobj=io.BytesIO(lines.encode()), tag=name, rm=True, forcerm=True)
        yield name
    finally:
        # Labels are inherited. An image goes after those on top of it, so there may be two rounds.
        for _ in range(2):
            for image in engine.images.list(filters={"label": f"{OURS}={run}"}):
                with suppress(APIError):
                    engine.images.remove(str(image.id), force=True)
        engine.close()


def measure(name: str, directory: Path, base_image: str = "") -> list[float]:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("MLGOV_", "DJANGO_"))},
        "MLGOV_UV": os.environ.get("MLGOV_UV", ""),
        "MLGOV_DATA_DIR": str(directory / name),
        "MLGOV_RATE_LIMITS": "false",
        "MLGOV_DEFAULT_TARGET": name,
        "UV_CACHE_DIR": str(directory / f"{name}-packages"),
    }
    seconds = []
    with Product(environment) as product:
        story = product.story()
        if base_image:
            run_inside(product.environment, BUILD_ON, "BASE", base_image)
        for number, strength in ((1, 1.0), (2, 0.1)):
            trained = story.train(Quiet(), strength=strength)
            began = approve(story, number)
            deployment = story.wait_until_serving(Quiet(), number, "staging")
            key = story.new_key(deployment, "benchmark")
            answers = story.predict(story.url(deployment), key, trained["request"])
            seconds.append(time.monotonic() - began)
            assert answers == trained["predictions"]
        if name == "process":
            seconds += [stock(story, directory) for _ in range(2)]
    return seconds


def stock(story: Story, directory: Path) -> float:
    """`mlflow models serve` of the same version, with its own environment, to its first answer."""
    port = free_port()
    request = story.version(1)["input_example"]
    said = (directory / "stock.log").open("w+")
    began = time.monotonic()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "models", "serve"),
            *("-m", f"models:/{MODEL}/1", "-p", str(port), "--env-manager", "uv"),
        ],
        env={
            **os.environ,
            "MLFLOW_TRACKING_URI": story.base_url,
            "MLFLOW_TRACKING_TOKEN": story.tokens["ada"],
            "MLFLOW_ENV_ROOT": str(directory / "stock"),
            "UV_CACHE_DIR": str(directory / "stock-packages"),
            # It calls `python` and `uv` by name.
            "PATH": ":".join(
                str(path)
                for path in (
                    Path(sys.executable).parent,
                    Path(os.environ.get("MLGOV_UV") or "uv").parent,
                    os.environ["PATH"],
                )
            ),
        },
        stdout=said,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        while time.monotonic() - began < PATIENCE and server.poll() is None:
            try:
                if requests.post(
                    f"http://127.0.0.1:{port}/invocations", json=request, timeout=10
                ).ok:
                    return time.monotonic() - began
            except requests.ConnectionError:
                time.sleep(0.2)
        said.seek(0)
        console.print(f"mlflow models serve did not answer: {said.read()[-600:]}", markup=False)
        return float("nan")
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=30)
        said.close()


def main() -> None:
    table = Table("from the last approval to the first prediction, seconds", "cold", "warm")
    directory = Path(tempfile.mkdtemp(prefix="mlgov-bench-"))
    try:
        process = measure("process", directory)
        add(table, "mlgov, target process", process[:2])
        add(table, "mlflow models serve --env-manager uv", process[2:])
        try:
            target("docker").check()
        except RunFailure as failure:
            console.print(f"not measured with Docker: {failure.text}")
        else:
            with fresh_base_image() as base_image:
                add(table, "mlgov, target docker", measure("docker", directory, base_image))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    console.print(f"{platform.platform()}, {os.cpu_count()} cores")
    console.print(table)


def add(table: Table, what: str, seconds: list[float]) -> None:
    table.add_row(what, *(f"{figure:.1f}" for figure in seconds))


if __name__ == "__main__":
    main()
