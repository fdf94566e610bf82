"""`make test`: all tests, on the databases that this machine has.

Without PostgreSQL there is one run, on SQLite. With it there are two, because both are promised:

1. on SQLite, what is quick and needs nothing but Python, without what only asks over HTTP for that;
   when it fails, that is the end;
2. on PostgreSQL, everything that touches a database: also the tests marked postgres (locks and
   races), and those that are slow or need Docker or a browser. Those, and what touches no database,
   do not get better by running twice.

The last summary says how many were not repeated. The servers are thrown away afterwards.
Each run is spread over several processes; what is heavy stays together in one (tests/conftest.py).
Arguments go to pytest; `--on sqlite` or `--on postgres` before them picks one of the two.
"""

import argparse
import os
import signal
import subprocess
import sys
from contextlib import ExitStack

from tests import servers

QUICK = "not (postgres or redis or docker or registry or browser or clients or slow or outer)"
NOTHING_COLLECTED = 5  # pytest's exit status
# Two processes have the heavy tests, which mostly wait for other processes, so that one more than
# cores is none too many. More than four wait for the database.
SPREAD = ["-n", str(max(3, min(os.cpu_count() or 1, 4)))]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", add_help=False)
    parser.add_argument("--on", choices=["sqlite", "postgres"])
    options, arguments = parser.parse_known_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as held:
            has_postgres = _start_servers(held, without_postgres=options.on == "sqlite")
            if not has_postgres:
                return _pytest("sqlite", arguments)
            if options.on != "postgres":
                print("==> On SQLite: what is quick and needs nothing but Python", flush=True)
                status = _pytest("sqlite", ["-m", QUICK, *arguments], MLGOV_REQUIRE="")
                if status not in (0, NOTHING_COLLECTED):
                    return status
                print("==> On PostgreSQL: everything that touches a database", flush=True)
                return _pytest("postgres", arguments, MLGOV_TEST_REPEATED="1")
            return _pytest("postgres", arguments)
    except KeyboardInterrupt:
        return 130


def _start_servers(held: ExitStack, *, without_postgres: bool) -> bool:
    """Start what the environment does not name; tell the tests where it is, or why it is not."""
    try:
        if not without_postgres and not os.environ.get("MLGOV_TEST_POSTGRES_URL"):
            os.environ["MLGOV_TEST_POSTGRES_URL"] = held.enter_context(servers.postgres())
    except servers.NoServer as reason:
        os.environ["MLGOV_TEST_NO_POSTGRES"] = str(reason)
    try:
        if not os.environ.get("MLGOV_TEST_REDIS_URL"):
            os.environ["MLGOV_TEST_REDIS_URL"] = held.enter_context(servers.redis())
    except servers.NoServer:
        pass  # tests/capabilities.py finds the same, and says it
    return not without_postgres and bool(os.environ.get("MLGOV_TEST_POSTGRES_URL"))


def _pytest(database: str, arguments: list[str], **environment: str) -> int:
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *SPREAD, *arguments],
        env={**os.environ, "MLGOV_TEST_DATABASE": database, **environment},
        stdin=subprocess.DEVNULL,
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise


if __name__ == "__main__":
    sys.exit(main())
