"""What the client does where mlgov does not answer, or something else does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mlgov_client import Client, Refused, Unreachable, transport, waiting

Answer = tuple[int, bytes, dict[str, str]]
JSON = {"Content-Type": "application/json"}
ME = (200, b'{"username": "eva", "name": "Eva", "email": "e@x", "groups": []}', JSON)
BUSY = (503, b'{"code": "unavailable", "message": "Later."}', {**JSON, "Retry-After": "1"})
PROXY = (502, b"<h1>Bad Gateway</h1>", {"Content-Type": "text/html"})


@contextmanager
def answering(*answers: Answer) -> Iterator[tuple[str, list[tuple[str, str, str | None]]]]:
    """A server that gives these answers one after the other, the last one for ever."""
    seen: list[tuple[str, str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body, headers = answers[min(len(seen), len(answers) - 1)]
            seen.append((self.command, self.path, self.headers.get("Authorization")))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LONGEST_PAUSE", 0.01)


def client_of(url: str) -> Client:
    return Client(f"{url}/behind", "token", progress="none")


def test_reads_are_repeated_until_there_is_an_answer():
    with answering(PROXY, BUSY, ME) as (url, seen):
        assert client_of(url).whoami().username == "eva"

    assert seen == [("GET", "/behind/api/v1/me", "Bearer token")] * 3


def test_reads_are_not_repeated_for_ever():
    with (
        answering(BUSY) as (url, seen),
        pytest.raises(Unreachable, match="Later"),
    ):
        client_of(url).whoami()

    assert len(seen) == transport.ATTEMPTS


def test_what_changes_something_is_sent_once():
    with answering(PROXY) as (url, seen), pytest.raises(Unreachable, match="answered 502"):
        client_of(url).version("fraud", 3).request_review(stage="s", note="n")

    assert [method for method, *_ in seen] == ["POST"]


def test_a_lost_answer_to_a_change_is_said_to_be_unknown():
    with pytest.raises(Unreachable, match="look before you try again"):
        client_of("http://127.0.0.1:1").version("fraud", 3).request_review(stage="s", note="n")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed_with_the_token(status):
    with answering(ME) as (other, elsewhere):
        to_other = (status, b"", {"Location": f"{other}/api/v1/me"})
        with (
            answering(to_other) as (url, seen),
            pytest.raises(Unreachable, match="Set MLGOV_URL"),
        ):
            client_of(url).whoami()

    assert (len(seen), elsewhere) == (1, [])


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>a portal</html>", {"Content-Type": "text/html"}),
        (200, b'{"username": 1}', JSON),
        (200, b"[]", JSON),
        (200, b"null", JSON),
        (200, b"\xff\xfe", JSON),
        (404, b"not here", {}),
        (404, b"[1]", JSON),
        (500, b'{"code": "unexpected", "message": "Show this request id: r1"}', JSON),
    ],
)
def test_something_else_at_the_address_is_no_answer(answer):
    with answering(answer) as (url, seen), pytest.raises(Unreachable):
        client_of(url).whoami()

    assert len(seen) == 1


def test_a_refusal_is_not_repeated():
    refusal = (403, b'{"code": "not_permitted", "message": "You may not."}', JSON)
    with answering(refusal) as (url, seen), pytest.raises(Refused, match="You may not"):
        client_of(url).whoami()

    assert len(seen) == 1


def test_the_machines_netrc_does_not_replace_the_token(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with answering(ME) as (url, seen):
        client_of(url).whoami()

    assert seen[0][2] == "Bearer token"


def waited(read: Callable[[], str]) -> tuple[str, int]:
    troubles: list[str] = []
    found = waiting.wait(
        read,
        until=lambda value: value == "done",
        told=lambda value: None,
        trouble=lambda error: troubles.append(str(error)),
        timeout=5,
        what="it",
    )
    return found, len(troubles)


def test_waiting_outlives_an_outage_but_not_a_long_one(monkeypatch):
    answers = iter([Unreachable("gone"), "open", Unreachable("gone"), "done"])

    def read() -> str:
        answer = next(answers)
        if isinstance(answer, Unreachable):
            raise answer
        return answer

    assert waited(read) == ("done", 2)

    def gone() -> str:
        raise Unreachable("gone")

    monkeypatch.setattr(waiting, "LONGEST_OUTAGE", 0.2)
    with pytest.raises(Unreachable):
        waited(gone)
