import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlgov.supervisor import Child, NotStarted, Supervisor

ENDURING = "import time; print('up'); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + ENDURING


@pytest.fixture
def said() -> list[str]:
    return []


def child(name: str, code: str = ENDURING, **options) -> Child:
    def is_up(child: Child) -> bool:
        return "up" in child.log.read_text().rpartition("---- started")[2]

    return Child(name, name, [sys.executable, "-c", code], is_up, **options)


def eventually(condition, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(found)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_leaving_the_block_ends_every_child(tmp_path, said):
    with Supervisor([child("one"), child("two")], log_dir=tmp_path, say=said.append) as supervisor:
        supervisor.wait_ready()
        pids = [child.pid for child in supervisor.children]

    assert [is_alive(pid) for pid in pids] == [False, False]
    assert [line.partition(" (")[0] for line in said] == ["    ready: one", "    ready: two"]


def test_a_child_that_ignores_the_farewell_is_killed_with_all_it_started(tmp_path, said):
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {ENDURING!r}]); "
    stubborn = child("stubborn", code + STUBBORN, farewell=0.3)

    with Supervisor([stubborn], log_dir=tmp_path, say=said.append) as supervisor:
        supervisor.wait_ready()
        group = stubborn.pid

    with pytest.raises(ProcessLookupError):
        eventually(lambda: os.killpg(group, 0) and False, seconds=2)
    assert said[-1] == "The stubborn did not end in 0 s: killed."


def test_a_child_that_dies_is_started_again(tmp_path, said):
    victim, bystander = child("victim"), child("bystander")

    with Supervisor([victim, bystander], log_dir=tmp_path, say=said.append) as supervisor:
        supervisor.wait_ready()
        first, untouched = victim.pid, bystander.pid
        os.kill(first, signal.SIGKILL)

        assert eventually(lambda: victim.is_running and victim.pid not in (first, None))
        assert bystander.pid == untouched
    assert any("ended (by SIGKILL); starting it again in 1 s" in line for line in said)


def test_a_child_that_ends_while_starting_shows_the_end_of_its_log(tmp_path, said):
    broken = child("broken", "raise SystemExit('the disk is full')")

    with (
        pytest.raises(NotStarted, match="the disk is full"),
        Supervisor([child("one"), broken], log_dir=tmp_path, say=said.append) as supervisor,
    ):
        supervisor.wait_ready()

    assert not supervisor.children[0].is_running


def test_a_child_that_never_answers_is_given_up(tmp_path, said):
    silent = child("silent", "import time; time.sleep(60)", patience=0.3)

    with (
        pytest.raises(NotStarted, match="did not answer within"),
        Supervisor([silent], log_dir=tmp_path, say=said.append) as supervisor,
    ):
        supervisor.wait_ready()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(tmp_path, number):
    process = start_supervisor(tmp_path)
    child_pid = int(process.stdout.readline())

    process.send_signal(number)

    assert process.wait(10) == 0
    assert not is_alive(child_pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_killing_it_leaves_no_child_behind(tmp_path):
    process = start_supervisor(tmp_path)
    child_pid = int(process.stdout.readline())

    process.kill()
    process.wait()

    assert eventually(lambda: not is_alive(child_pid))


def start_supervisor(directory: Path) -> subprocess.Popen[str]:
    program = f"""
import sys
from pathlib import Path
from typing import Any
from mlgov.supervisor import Child, Supervisor

child = Child("one", "one", [sys.executable, "-c", {ENDURING!r}], lambda _: True)
try:
    with Supervisor([child], log_dir=Path({str(directory)!r}), say=lambda _: None) as supervisor:
        supervisor.wait_ready()
        print(child.pid, flush=True)
        supervisor.run_until_signal()
except KeyboardInterrupt:  # between two of the lines above
    pass
"""
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


def test_a_child_gets_what_the_supervisor_has_but_for_what_it_ignores(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_SETTING", "theirs")
    monkeypatch.setenv("TEAM_OTHER", "theirs")
    monkeypatch.setenv("INHERITED", "yes")
    code = "import os; print([os.environ.get(n) for n in ('INHERITED', 'TEAM_SETTING', 'OWN')]); "
    options: dict[str, Any] = {"environment": {"OWN": "set"}, "ignores": ("TEAM_",)}

    with Supervisor(
        [child("one", code + ENDURING, **options)], log_dir=tmp_path, say=said.append
    ) as supervisor:
        supervisor.wait_ready()
    assert "['yes', None, 'set']" in (tmp_path / "one.log").read_text()
