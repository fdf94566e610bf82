"""Runs a measurement on a PostgreSQL of its own, which forgets everything afterwards."""

import benchmarks.with_django  # noqa: F401  isort: skip

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.test.runner import DiscoverRunner

from tests import servers


def main(name: str, run: Callable[[], None]) -> int:
    """The exit status of `run`, in a process of `benchmarks.<name>` that has such a database."""
    # The settings are read once in a process: they name the database before anything runs.
    if os.environ.get("MLGOV_TEST_DATABASE") == "postgres":
        run()
        return 0
    with servers.postgres() as database:
        environment = {
            **os.environ,
            "MLGOV_TEST_DATABASE": "postgres",
            "MLGOV_TEST_POSTGRES_URL": database,
        }
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        return subprocess.run(command, env=environment, check=False).returncode


@contextmanager
def tables() -> Iterator[None]:
    """The tables of the product, without rows and without a log of what happens there."""
    logging.disable(logging.CRITICAL)
    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    try:
        yield
    finally:
        runner.teardown_databases(databases)
