import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.deployments.targets import http

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """A unix socket that gives each connection the next script: bytes to send, or None to hang."""

    def __init__(self, path: Path, scripts: list[list[bytes | None]]) -> None:
        self.connections = 0
        self.listener = socket.socket(socket.AF_UNIX)
        # bound by a short name: a long one is what one test is about
        directory = path.parent
        self.listener.bind(f"/proc/self/fd/{self._open(directory)}/{path.name}")
        self.listener.listen()
        self.scripts = scripts
        threading.Thread(target=self._run, daemon=True).start()

    def _open(self, directory: Path) -> int:

        return os.open(directory, os.O_RDONLY)

    def _run(self) -> None:
        for script in self.scripts:
            connection, _ = self.listener.accept()
            self.connections += 1
            for answer in script:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(65536)
                if answer is None:
                    threading.Event().wait(2)
                else:
                    connection.sendall(answer)
            connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / ("long" * 30)
    directory.mkdir()
    yield directory / "s"
    http.forget(f"unix:{directory / 's'}")


def test_a_path_may_be_longer_than_an_address(path):
    server = Server(path, [[OK, OK]])

    answers = [http.request(f"unix:{path}", "GET", "/ping") for _ in range(2)]

    assert [(answer.status, answer.body) for answer in answers] == [(200, b"ok")] * 2
    assert server.connections == 1  # it is kept


def test_a_connection_that_was_closed_meanwhile_is_replaced(path):
    server = Server(path, [[OK], [b""], [OK]])

    http.request(f"unix:{path}", "GET", "/ping")

    assert http.request(f"unix:{path}", "GET", "/ping").body == b"ok"
    assert server.connections == 3


def test_a_replica_that_keeps_hanging_up_is_unreachable(path):
    Server(path, [[b""], [b""]])

    with pytest.raises(http.ReplicaUnreachable, match="the connection broke"):
        http.request(f"unix:{path}", "GET", "/ping")


def test_no_answer_in_time_is_told_apart(path):
    Server(path, [[None]])

    with pytest.raises(http.ReplicaTimedOut):
        http.request(f"unix:{path}", "GET", "/ping", timeout=0.3)


def test_an_answer_without_end_is_cut(path):
    Server(path, [[b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000]])

    with pytest.raises(http.AnswerTooLarge):
        http.request(f"unix:{path}", "GET", "/", max_answer=1000)


@pytest.mark.parametrize(
    "address", ["unix:/nowhere/s", "http://127.0.0.1:9", "ftp://127.0.0.1", "nonsense"]
)
def test_where_nothing_listens_nothing_is_reached(address):
    with pytest.raises(http.ReplicaUnreachable):
        http.request(address, "GET", "/ping")
