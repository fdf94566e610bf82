"""What this machine has for the tests that need more than Python."""

import os
import shutil
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

import docker
from django.conf import settings
from docker.errors import DockerException

from tests.contract.mlflow_client import clients

REGISTRY = os.environ.get("MLGOV_TEST_REGISTRY", "127.0.0.1:5000")


@dataclass(frozen=True)
class Capability:
    marker: str
    title: str
    missing: Callable[[], str]  # why it is not there; empty when it is
    alias: str = ""  # what MLGOV_REQUIRE may call it too


@cache
def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@cache
def _no_docker() -> str:
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    try:
        client = docker.from_env(timeout=10)
        try:
            client.ping()
        finally:
            client.close()
    except DockerException:
        return f"no engine answers at {address}"
    return ""


@cache
def _no_registry() -> str:
    try:
        with urllib.request.urlopen(f"http://{REGISTRY}/v2/", timeout=5):
            return ""
    except OSError:
        return f"none answers at {REGISTRY} (MLGOV_TEST_REGISTRY names another)"


def _no_postgres() -> str:
    if "postgresql" in settings.DATABASES["default"]["ENGINE"]:
        return ""
    if os.environ.get("MLGOV_TEST_POSTGRES_URL"):
        return "this run is on SQLite; `make test` has a second one"
    return os.environ.get(
        "MLGOV_TEST_NO_POSTGRES", "pytest alone runs on SQLite; `make test` starts a server"
    )


def _no_redis() -> str:
    if os.environ.get("MLGOV_TEST_REDIS_URL") or shutil.which("redis-server"):
        return ""
    return "no redis-server on PATH"


def _no_chromium() -> str:
    return "" if chromium() else "no chromium or google-chrome on PATH"


@cache
def _no_clients() -> str:
    try:
        for version in clients.VERSIONS:
            clients.python_of(version)
    except clients.NoClient as reason:
        return str(reason)
    return ""


@cache
def _no_pango() -> str:
    try:
        import_module("weasyprint")
    except OSError:
        return "its libraries are not installed (on Debian: libpangoft2-1.0-0, libharfbuzz-subset0)"
    return ""


DOCKER = Capability("docker", "Docker", _no_docker)
ALL = (
    DOCKER,
    Capability("registry", "a container registry", _no_registry),
    Capability("postgres", "PostgreSQL", _no_postgres),
    Capability("redis", "Redis", _no_redis),
    Capability("browser", "Chromium", _no_chromium, alias="chromium"),
    Capability("pdf", "Pango", _no_pango),
    Capability("clients", "MLflow's clients of several versions", _no_clients),
)


def required() -> list[Capability]:
    """Those that MLGOV_REQUIRE names: without them the tests do not start."""
    names = {name.strip() for name in os.environ.get("MLGOV_REQUIRE", "").split(",")} - {""}
    found = [c for c in ALL if names & {c.marker, c.alias}]
    unknown = names - {name for c in ALL for name in (c.marker, c.alias)}
    if unknown:
        raise ValueError(f"MLGOV_REQUIRE names what nobody knows: {', '.join(sorted(unknown))}")
    return found
