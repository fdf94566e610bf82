"""Which tests run on this machine, and the servers that some of them ask for.

A test says with a marker what it needs. Where that is missing the test is not run, and the last
lines say so; MLGOV_REQUIRE=docker,postgres,… turns a missing one into a failure.
"""

import os
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from xdist.scheduler import LoadScopeScheduling

from tests import capabilities, servers

pytest_plugins = ["tests.people", "tests.tracking", "tests.stores", "tests.listener"]
NOT_RUN = pytest.StashKey[Counter[str]]()
# They start servers, containers or a browser, and get in each other's way when run side by side.
HEAVY = {
    "tests/browser/": "product",
    "tests/compose/": "product",
    "tests/journeys/": "product",
    "tests/contract/": "contract",
}
# They ask over HTTP for what is tested below them on both databases.
OUTER = ("tests/api/", "tests/client/", "tests/web/")
# Files whose tests share something that takes longer to make than they do.
TOGETHER = ("tests/api/mlflow/test_routes.py", "tests/mlgov/test_importing.py")
# By one of these a test says that it is not among what runs on SQLite first.
NOT_QUICK = {"slow", "outer", *(capability.marker for capability in capabilities.ALL)}
DATABASE = {"db", "transactional_db", "django_db_setup", "live_server"}


def pytest_configure(config: pytest.Config) -> None:
    config.stash[NOT_RUN] = Counter()


def pytest_sessionstart(session: pytest.Session) -> None:
    try:
        missing = [(c, why) for c in capabilities.required() if (why := c.missing())]
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    if missing:
        raise pytest.UsageError(
            "MLGOV_REQUIRE asks for what is not there: "
            + "; ".join(f"{capability.title} ({why})" for capability, why in missing)
        )


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes can hold a time, as those of gzip do: all processes have to call a test the same."""
    return "bytes" if isinstance(val, bytes) else None


class Scheduling(LoadScopeScheduling):
    """Two processes take what is heavy, and then as the others everything else, test by test."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(TOGETHER):
            return nodeid.partition("::")[0]
        return next((name for path, name in HEAVY.items() if nodeid.startswith(path)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


def pytest_itemcollected(item: pytest.Item) -> None:
    # Each process starts an MLflow server for these, which takes longer than all of them together.
    if "tracking_server" in getattr(item, "fixturenames", ()):
        item.add_marker("slow")
    if item.nodeid.startswith(OUTER):
        item.add_marker("outer")


@pytest.hookimpl(trylast=True)  # after -m and -k: what nobody asked for is not missed
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("MLGOV_TEST_REPEATED"):
        before = {item for item in items if _ran_before(item)}
        config.hook.pytest_deselected(items=list(before))
        items[:] = [item for item in items if item not in before]
    for capability in capabilities.ALL:
        asking = [item for item in items if item.get_closest_marker(capability.marker)]
        if asking and (why := capability.missing()):
            for item in asking:
                item.add_marker(pytest.mark.skip(reason=f"needs {capability.title}: {why}"))
            config.stash[NOT_RUN][f"{capability.title}: {why}"] = len(asking)


def _ran_before(item: pytest.Item) -> bool:
    """Whether the run on SQLite had the test already, and another database changes nothing."""
    touches_one = item.get_closest_marker("django_db") or DATABASE & set(
        getattr(item, "fixturenames", ())
    )
    return not touches_one and not any(item.get_closest_marker(name) for name in NOT_QUICK)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # one of several processes: the first one reports
        session.config.workeroutput["not_run"] = dict(session.config.stash[NOT_RUN])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    node.config.stash[NOT_RUN] |= Counter(getattr(node, "workeroutput", {}).get("not_run", {}))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where a capability is required, a test that asks for it may not skip itself either."""
    report: pytest.TestReport = yield
    asked_for = [c for c in capabilities.required() if item.get_closest_marker(c.marker)]
    if report.skipped and asked_for and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"It skipped itself, and MLGOV_REQUIRE forbids that. {reason}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for missing, number in terminalreporter.config.stash[NOT_RUN].items():
        tests = "1 test needs" if number == 1 else f"{number} tests need"
        terminalreporter.write_line(f"not run: {tests} {missing}", yellow=True)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a Redis server."""
    if url := os.environ.get("MLGOV_TEST_REDIS_URL"):
        yield url
    else:
        with servers.redis() as url:
            yield url


@pytest.fixture
def postgres_database() -> Iterator[str]:
    """The URL of an empty database of its own, for a test that starts the product's processes."""
    server = os.environ["MLGOV_TEST_POSTGRES_URL"]
    name = f"mlgov_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"{server.rpartition('/')[0]}/{name}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def product_environment(tmp_path: Path) -> dict[str, str]:
    """For a process of the product: nothing of the tests, and a data directory of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "MLGOV_UV" or not name.startswith(("MLGOV_", "DJANGO_", "PYTEST_"))
    }
    return kept | {"MLGOV_DATA_DIR": str(tmp_path / "var")}


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = capabilities.chromium()
    assert path is not None, "mark the test with pytest.mark.browser"
    return path


@pytest.fixture(scope="session")
def registry_host() -> str:
    return capabilities.REGISTRY
