import re
import socket
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.utils.html import format_html

from apps.cards.formats import registry
from apps.cards.formats.base import Context
from apps.core.errors import Unavailable
from tests.cards.documents import example, full, picture

SECRET = "/etc/passwd"


@pytest.fixture
def visited() -> Iterator[tuple[int, list[bytes]]]:
    """A port on loopback, and what anybody said to it."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(2)
                    heard.append(connection.recv(1000))
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _attack(where: str) -> str:
    return format_html(
        '<html lang="en"><head><title>x</title><link rel="stylesheet" href="{0}">'
        '<link rel="attachment" href="{0}"><style>@import url("{0}");'
        '@font-face {{ font-family: f; src: url("{0}") }}'
        'p {{ font-family: f; background: url("{0}"); list-style-image: url("{0}") }}'
        'p::before {{ content: url("{0}") }}</style></head>'
        '<body><p>text</p><img src="{0}" alt="x"><embed src="{0}"><object data="{0}"></object>'
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{0}" width="9" '
        'height="9"/><use href="{0}#a"/></svg><a rel="attachment" href="{0}">a</a></body></html>',
        where,
    )


@pytest.mark.pdf
def test_a_card_becomes_a_tagged_pdf() -> None:
    document = example() | {"evaluation": full()["evaluation"]}
    exported = registry.export("pdf", document, Context("https://example.org/", (picture(),)))

    assert exported.content.startswith(b"%PDF-1.7")
    inside = _inside(exported.content)
    assert b"/StructTreeRoot" in inside
    assert b"/Figure" in inside
    assert (exported.media_type, exported.suffix) == ("application/pdf", ".pdf")
    assert (exported.lost, exported.altered) == ((), ())


@pytest.mark.pdf
@pytest.mark.parametrize("count", [12, 40])
def test_pairs_that_need_more_than_a_page_are_written_in_no_time(count: int) -> None:
    parameters = {f"parameter_{n}_{'x' * 50}": "a word " * 30 for n in range(count)}
    document = example() | {"development": {"parameters": parameters}}
    assert registry.export("pdf", document, Context()).content.startswith(b"%PDF")


@pytest.mark.pdf
def test_no_request_leaves_the_worker(visited: tuple[int, list[bytes]]) -> None:
    port, heard = visited
    pdf = import_module("apps.cards.formats.pdf")

    for where in (
        f"http://127.0.0.1:{port}/a.png",
        f"//127.0.0.1:{port}/a",
        f"HTTP://127.0.0.1:{port}",
    ):
        assert pdf.rendered(_attack(where)).startswith(b"%PDF")

    # It does hear whoever comes.
    with socket.create_connection(("127.0.0.1", port)) as own:
        own.sendall(b"own")
        own.recv(100)
    assert heard == [b"own"]


@pytest.mark.pdf
@pytest.mark.parametrize(
    "where", [f"file://{SECRET}", SECRET, f"file://localhost{SECRET}", f"FILE:{SECRET}", "ftp://x/"]
)
def test_no_file_of_the_worker_is_read(where: str) -> None:
    pdf = import_module("apps.cards.formats.pdf")

    with _opened_files() as opened:
        content = pdf.rendered(_attack(where))
        Path(__file__).read_bytes()

    assert content.startswith(b"%PDF")
    assert b"/EmbeddedFile" not in _inside(content)
    assert __file__ in opened
    assert SECRET not in opened
    with pytest.raises(ValueError, match="in the page itself"):
        pdf.OnlyWithin().fetch(where)


def _inside(content: bytes) -> bytes:
    """The file with its streams unpacked."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL)
    found = [content]
    for stream in streams:
        try:
            found.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"\n".join(found)


@contextmanager
def _opened_files() -> Iterator[list[str]]:
    """The names of files that this process opens meanwhile."""
    names: list[str] = []
    watching = True

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if watching and event == "open":
            names.append(str(args[0]))

    sys.addaudithook(hook)  # there is no way to take one away
    yield names
    watching = False


@pytest.mark.pdf
def test_what_stands_in_the_page_is_loaded() -> None:
    pdf = import_module("apps.cards.formats.pdf")

    assert pdf.OnlyWithin().fetch("data:text/plain,hello").read() == b"hello"


def test_without_the_library_there_is_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "apps.cards.formats.pdf", raising=False)
    monkeypatch.setitem(sys.modules, "weasyprint", None)

    with pytest.raises(Unavailable, match="take HTML and print it"):
        registry.export("pdf", example())
