"""What tells that an attack came through: code that ran, a connection, a page that went away."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from playwright.sync_api import ConsoleMessage, Dialog, Page

FIRED = re.compile(r"fired:([\w-]+)")
# Handlers wait for somebody to come by. Links that are no addresses are followed.
LURE = """() => {
  const kinds = ["mouseover", "mouseenter", "pointerover", "focus", "toggle", "animationstart"];
  for (const element of document.querySelectorAll("*")) {
    for (const kind of kinds) element.dispatchEvent(new Event(kind));
    const isLink = element.localName === "a" && element.hasAttribute("href");
    if (isLink && !/^(https?|mailto|file):/.test(element.protocol)) element.click();
  }
}"""


@dataclass
class Outside:
    """A program on this machine that nobody has a reason to talk to, over TCP or UDP."""

    url: str
    peer: str
    heard: set[str] = field(default_factory=set)
    connections: int = 0
    pages: dict[str, str] = field(default_factory=dict)

    @property
    def tokens(self) -> dict[str, str]:
        return {"§PEER§": self.peer, "§TURN§": self.url.removeprefix("http://")}

    def forget(self) -> None:
        self.heard.clear()
        self.connections = 0


@contextmanager
def outside() -> Iterator[Outside]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = found.pages.get(self.path)
            if page is None:
                found.heard.add(re.split(r"[^\w-]", self.path[1:])[0])
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((page or "").encode(errors="replace"))

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def get_request(self) -> Any:
            found.connections += 1
            return super().get_request()

        def handle_error(self, *args: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind(("127.0.0.1", 0))
    peer.settimeout(0.2)
    found = Outside(f"http://127.0.0.1:{server.server_port}", f"127.0.0.1:{peer.getsockname()[1]}")
    stopped = threading.Event()

    def listen() -> None:
        while not stopped.is_set():
            try:
                peer.recv(2_000)
            except TimeoutError:
                continue
            found.heard.add("calls-by-webrtc")

    threads = [
        threading.Thread(target=server.serve_forever, daemon=True),
        threading.Thread(target=listen, daemon=True),
    ]
    for thread in threads:
        thread.start()
    yield found
    stopped.set()
    server.shutdown()
    server.server_close()
    for thread in threads:
        thread.join(5)
    peer.close()


@dataclass
class Tripwire:
    """Everything that a page did and no page should, by what did it."""

    fired: set[str] = field(default_factory=set)

    def watch(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("dialog", self._asked)
        page.on("download", lambda download: self.fired.add(f"download {download.url[:80]}"))
        page.on("popup", lambda popup: self.fired.add(f"window {popup.url[:80]}"))

    def look(self, page: Page, address: str) -> None:
        """Touch everything on the page, and see whether it is still there."""
        page.evaluate("document.querySelectorAll('main details').forEach(d => { d.open = true; })")
        page.evaluate(LURE)
        if page.evaluate("window.__fired"):
            self.fired.add(f"a script on {address}")
        if not unquote(page.url).endswith(unquote(address)):
            self.fired.add(f"{address} led to {page.url}")

    def _said(self, message: ConsoleMessage) -> None:
        self.fired.update(FIRED.findall(message.text))

    def _asked(self, dialog: Dialog) -> None:
        self.fired.add(f"dialog {dialog.message[:80]}")
        dialog.dismiss()
