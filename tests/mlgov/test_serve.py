import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from rich.console import Console

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from mlgov import embedded
from mlgov.management.commands import serve
from tests import servers

ROOT = Path(__file__).resolve().parents[2]
GIVEN = {
    "MLGOV_ADMIN_USERNAME": "ada",
    "MLGOV_ADMIN_EMAIL": "ada@example.com",
    "MLGOV_ADMIN_PASSWORD": "engine-of-brass",
}


@pytest.fixture
def console() -> Console:
    return Console(quiet=True)


@pytest.fixture
def given(monkeypatch):
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def nobody_at_the_terminal(monkeypatch):
    with Path(os.devnull).open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield


@pytest.mark.django_db
def test_the_first_start_makes_the_administrator_that_the_environment_names(console, given):
    serve.ensure_administrator(console)

    ada = User.objects.get()
    event = AuditEvent.objects.get()
    assert (ada.username, ada.email) == ("ada", "ada@example.com")
    assert (ada.is_superuser, ada.is_staff) == (True, True)
    assert ada.check_password("engine-of-brass")
    assert (event.action, event.object_id) == ("user.create", str(ada.pk))


@pytest.mark.django_db
def test_the_password_is_not_handed_on_to_the_servers(console, given):
    serve.ensure_administrator(console)

    assert "MLGOV_ADMIN_PASSWORD" not in os.environ


@pytest.mark.django_db
def test_later_starts_leave_the_people_alone(console, given):
    User.objects.create_superuser("grace", "grace@example.com", "nanosecond-wire")

    serve.ensure_administrator(console)

    assert [user.username for user in User.objects.all()] == ["grace"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"MLGOV_ADMIN_PASSWORD": ""}, "Set MLGOV_ADMIN_PASSWORD too"),
        ({"MLGOV_ADMIN_PASSWORD": "12345"}, "too short"),
        ({"MLGOV_ADMIN_EMAIL": "ada"}, "valid email"),
        (dict.fromkeys(GIVEN, ""), "Run this in a terminal"),
    ],
)
def test_an_administrator_who_cannot_be_made_is_explained(
    console, given, nobody_at_the_terminal, monkeypatch, change, reason
):
    for name, value in change.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(embedded.NotServable, match=reason):
        serve.ensure_administrator(console)

    assert list(User.objects.all()) == []


def test_a_second_instance_on_the_same_data_is_refused(tmp_path):
    with (
        embedded.only_instance(tmp_path),
        pytest.raises(embedded.NotServable, match=rf"process {os.getpid()}"),
        embedded.only_instance(tmp_path),
    ):
        pass


def test_an_instance_that_has_ended_does_not_stand_in_the_way(tmp_path):
    for _ in range(2):
        with embedded.only_instance(tmp_path):
            pass


def test_a_taken_port_is_named_with_a_way_out():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(
            embedded.NotServable, match=f"127.0.0.1:{port} already.*PORT={port + 1}"
        ):
            embedded.require_free_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused_in_words():
    with pytest.raises(embedded.NotServable, match="MLGOV_BIND"):
        embedded.require_free_port("192.0.2.1", 8000)


def test_sockets_lie_in_the_data_directory_for_their_owner_only(tmp_path):
    with embedded.socket_dir(tmp_path) as directory:
        assert (directory.parent, directory.stat().st_mode & 0o777) == (tmp_path, 0o700)


def test_a_data_directory_with_a_long_path_gets_its_sockets_elsewhere(tmp_path):
    with embedded.socket_dir(tmp_path / ("long" * 40)) as directory:
        assert len(str(directory)) < 60
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not directory.exists()


@pytest.mark.slow
def test_serve_runs_everything_and_ends_everything(product_environment):
    port = servers.free_port()
    environment = product_environment | GIVEN | {"MLGOV_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = []
        while "mlgov answers on" not in (line := process.stdout.readline()):
            said.append(line)
            assert line, "".join(said)
        group = descendants(process.pid)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=60)[0]

    assert (process.returncode, len(group) >= 8) == (0, True), output
    time.sleep(0.5)
    assert [pid for pid in group if Path(f"/proc/{pid}").exists()] == []
    assert not (Path(environment["MLGOV_DATA_DIR"]) / "mlruns").exists()


def descendants(pid: int) -> list[int]:
    listing = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    children: dict[int, list[int]] = {}
    for line in listing.stdout.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
