"""The servers of a one-machine installation, as `manage.py serve` and `manage.py demo` run them.

with embedded.servers(console) as supervisor:
    ...                                  # everything answers on settings.MLGOV_BASE_URL
    supervisor.run_until_signal()
"""

import errno
import fcntl
import http.client
import importlib.util
import os
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from rich.console import Console

from apps.deployments.targets import process
from mlgov.supervisor import Child, Supervisor

# The longest path that fits the address of a unix socket: 108 bytes on Linux, 104 on macOS.
LONGEST_SOCKET_PATH = 100
WORKER_PROCESSES = 3  # a build, a rollout, and one for everything short


class NotServable(Exception):
    """Why the servers cannot be started here, and what to do about it."""


@contextmanager
def servers(
    console: Console,
    *,
    first: Callable[[Console], None] = lambda _: None,
    last: Callable[[], object] = lambda: None,
) -> Iterator[Supervisor]:
    """Bring up the database and every server, and end them all on leaving.

    `first` is called between the two: the database is up to date, and nothing runs yet. `last` is
    called when nothing runs any more, still as the only instance on this data.
    """

    def say(text: str) -> None:
        console.print(text, markup=False)

    configuration = settings.CONFIGURATION
    with ExitStack() as held:
        held.enter_context(only_instance(settings.MLGOV_DATA_DIR))
        require_free_port(configuration.bind, configuration.port)
        _prepare_database(console)
        held.callback(last)
        first(console)
        sockets = held.enter_context(socket_dir(settings.MLGOV_DATA_DIR))
        # Model servers are children of the deployments, not of the supervisor, because they
        # outlive the worker that starts them. The reconciler brings them back at the next start.
        held.callback(process.stop_all, settings.MLGOV_DATA_DIR / "processes")
        log_dir = settings.MLGOV_DATA_DIR / "logs"
        with Supervisor(children(sockets), log_dir=log_dir, say=say) as supervisor:
            try:
                with console.status("Starting the servers") as status:
                    supervisor.wait_ready(
                        lambda waiting: status.update(
                            "Waiting for the " + ", the ".join(child.title for child in waiting)
                        )
                    )
                yield supervisor
            finally:
                say("Ending the servers.")


def _prepare_database(console: Console) -> None:
    with console.status("Bringing the database up to date"):
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
    console.print("    ready: database")


def children(sockets: Path) -> list[Child]:
    shared = {
        # A relative path, and a default, would depend on where a child is started.
        "MLGOV_DATA_DIR": str(settings.MLGOV_DATA_DIR),
        "DJANGO_SETTINGS_MODULE": "mlgov.settings",
        "MLGOV_TRACKING_URL": settings.CONFIGURATION.tracking_url,
    }
    tracking = []
    if not settings.CONFIGURATION.tracking_url:
        upstream = sockets / "mlflow.sock"
        shared["MLGOV_TRACKING_URL"] = f"unix:{upstream}"
        tracking = [_tracking_server(upstream)]
    return [_web(shared), _worker(sockets, shared), _beat(sockets, shared), *tracking]


def _web(environment: dict[str, str]) -> Child:
    configuration = settings.CONFIGURATION
    command = [
        *(sys.executable, "-m", "gunicorn", "mlgov.wsgi:application"),
        *("--bind", _address(configuration.bind, configuration.port)),
        *("--worker-class", "gthread"),
        *("--limit-request-line", "8190"),  # the filters of the mlflow client are long
        *("--workers", str(configuration.web_workers)),
        *("--threads", str(configuration.web_threads)),
        *("--timeout", "120", "--graceful-timeout", "5", "--no-control-socket"),
        # No access log of gunicorn's: it would show query strings. mlgov logs each request itself.
    ]
    # gunicorn's processes add their counts up in files, for /metrics; those of the last time go.
    counts = settings.MLGOV_DATA_DIR / "metrics"
    shutil.rmtree(counts, ignore_errors=True)
    counts.mkdir(mode=0o700)
    environment = {**environment, "PROMETHEUS_MULTIPROC_DIR": str(counts)}
    host = "127.0.0.1" if configuration.bind in ("0.0.0.0", "") else configuration.bind  # nosec B104

    def answers(_: Child) -> bool:
        return _answers(http.client.HTTPConnection(host, configuration.port, timeout=2), "/healthz")

    return Child("web", "web server", command, answers, environment)


def _worker(sockets: Path, environment: dict[str, str]) -> Child:
    command = [
        *(sys.executable, "-m", "celery", "-A", "mlgov", "worker"),
        *("--queues", "default,builds,deployments,evaluations"),
        *("--concurrency", str(WORKER_PROCESSES)),
        *("--loglevel", settings.CONFIGURATION.log_level),
        *("--without-gossip", "--without-mingle"),
    ]
    # A build can take many minutes and is taken up again after a restart: ending waits for the
    # soft shutdown only, not for the work in hand.
    environment = {**environment, "REMAP_SIGTERM": "SIGQUIT"}
    return _celery("worker", "worker", command, sockets, environment)


def _beat(sockets: Path, environment: dict[str, str]) -> Child:
    schedule = settings.MLGOV_DATA_DIR / "beat-schedule"
    command = [
        *(sys.executable, "-m", "celery", "-A", "mlgov", "beat"),
        *("--schedule", str(schedule), "--pidfile", ""),
        *("--loglevel", settings.CONFIGURATION.log_level),
    ]
    return _celery("beat", "clock (beat)", command, sockets, environment)


def _celery(
    name: str, title: str, command: list[str], sockets: Path, environment: dict[str, str]
) -> Child:
    ready_file = sockets / f"{name}.ready"

    def has_said_so(child: Child) -> bool:
        # The file of an earlier process names another pid.
        return ready_file.exists() and ready_file.read_text() == str(child.pid)

    environment = {**environment, "MLGOV_READY_FILE": str(ready_file)}
    return Child(name, title, command, has_said_so, environment)


def _tracking_server(upstream: Path) -> Child:
    if importlib.util.find_spec("mlflow") is None:
        raise NotServable(
            "There is no MLflow tracking server: install mlgov with the extra `tracking` "
            "(`uv sync --extra tracking`), or name one that runs already in MLGOV_TRACKING_URL."
        )
    home = settings.MLGOV_DATA_DIR / "mlflow"
    home.mkdir(mode=0o700, exist_ok=True)
    command = [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--backend-store-uri", f"sqlite:///{home}/mlflow.db"),
        # mlgov is the registry. The server's own one stays empty, so that nothing governed can
        # be read or changed there even if a request found a way around the allow-list.
        *("--registry-store-uri", f"sqlite:///{home}/unused-registry.db"),
        *("--serve-artifacts", "--artifacts-destination", str(home / "artifacts")),
        # A unix socket has no door for other users of this machine and no delayed ACKs.
        *("--workers", "1", "--uvicorn-opts", f"--uds {shlex.quote(str(upstream))}"),
    ]
    environment = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }

    def answers(_: Child) -> bool:
        return _answers(_UnixConnection(upstream), "/health")

    return Child(
        "mlflow",
        "MLflow tracking server",
        command,
        answers,
        environment,
        # What a user has set for a client or a server of MLflow is not meant for this one.
        ignores=("MLFLOW_",),
        patience=180,
        farewell=5,
    )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=2)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _answers(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def only_instance(data_dir: Path) -> Iterator[None]:
    with (data_dir / "serve.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise NotServable(
                f"mlgov runs already on the data in {data_dir} (process {lock.read().strip()}). "
                "Stop it first, or name another folder in MLGOV_DATA_DIR."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def require_free_port(host: str, port: int) -> None:
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        where = _address(host, port)
        if error.errno == errno.EADDRINUSE:
            raise NotServable(
                f"Something else listens on {where} already. Stop it, or choose another port: "
                f"PORT={port + 1} for make, or MLGOV_PORT and MLGOV_BASE_URL."
            ) from error
        raise NotServable(
            f"mlgov cannot listen on {where} ({error.strerror or error}). "
            "Choose another address with MLGOV_BIND and MLGOV_PORT."
        ) from error


@contextmanager
def socket_dir(data_dir: Path) -> Iterator[Path]:
    """A directory that only this user enters, with a path short enough for a socket."""
    directory = data_dir / "sockets"
    if len(os.fsencode(directory / "mlflow.sock")) <= LONGEST_SOCKET_PATH:
        directory.mkdir(mode=0o700, exist_ok=True)
        directory.chmod(0o700)
        yield directory
        return
    directory = Path(tempfile.mkdtemp(prefix="mlgov-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
