"""Another program on this machine, which webhooks tell what happens."""

import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from apps.outbox import services as outbox


@dataclass
class Listener:
    """Another program: it keeps what it is sent, and answers as it is told to."""

    url: str
    status: int = 200
    location: str = ""
    answer: bytes = b"heard" + b"." * 100_000
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    server: Any = None

    def wrap(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on. The handshake is left to the thread of the connection."""
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.heard]


@pytest.fixture
def listener(settings: Any) -> Iterator[Listener]:
    settings.MLGOV_WEBHOOK_HOSTS = ["127.0.0.1"]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.heard.append((self.path, dict(self.headers), body))
            self.send_response(heard.status)
            if heard.location:
                self.send_header("Location", heard.location)
            if heard.status != 204:
                self.send_header("Content-Length", str(len(heard.answer)))
            self.end_headers()
            try:
                if heard.status != 204:
                    self.wfile.write(heard.answer)
            except OSError:
                pass

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard = Listener(f"http://127.0.0.1:{server.server_port}/hook?of=me", server=server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield heard
    server.shutdown()
    server.server_close()
    thread.join(5)


def deliver_everything() -> None:
    for _ in range(10):
        if not outbox.sweep():
            return
