import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from apps.deployments.targets import http
from apps.deployments.targets.base import (
    Capabilities,
    DeploymentTarget,
    ReplicaState,
    ReplicaStatus,
    ServiceSpec,
)

Respond = Callable[[ServiceSpec, bytes], tuple[int, bytes]]


def count_rows(spec: ServiceSpec, body: bytes) -> tuple[int, bytes]:
    """Answer each row with its position: what a test can predict."""
    try:
        said = json.loads(body)
        rows = said.get("dataframe_records") or said.get("dataframe_split", {}).get("data") or []
    except (ValueError, AttributeError):
        return 400, b'{"error_code": "BAD_REQUEST", "message": "The body is not valid JSON."}'
    return 200, json.dumps({"predictions": list(range(len(rows)))}).encode()


class MemoryReplica:
    """A replica that answers over HTTP on a loopback port, in a thread of this process."""

    def __init__(self, spec: ServiceSpec, index: int, respond: Respond) -> None:
        self.spec, self.index = spec, index
        self.failure = ""
        self.restarts = 0

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(200 if self.path in ("/ping", "/health") else 404, b"\n")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path == "/invocations":
                    self._answer(*respond(spec, body))
                else:
                    self._answer(404, b"{}")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        http.forget(self.address)


class MemoryTarget(DeploymentTarget):
    """Services that live as long as this process.

    Options: `space`; targets that name the same one share their services.
    """

    capabilities = Capabilities(max_replicas=20, restarts=False)
    spaces: dict[str, dict[str, dict[int, MemoryReplica]]] = {}
    respond: Respond = staticmethod(count_rows)

    @property
    def services(self) -> dict[str, dict[int, MemoryReplica]]:
        return self.spaces.setdefault(str(self.options.get("space", "")), {})

    def check(self) -> None:
        pass

    def apply(self, spec: ServiceSpec) -> list[ReplicaStatus]:
        replicas = self.services.setdefault(spec.name, {})
        for index in list(replicas):
            changed = _content(replicas[index].spec) != _content(spec)
            if index >= spec.replicas or changed or replicas[index].failure:
                self._stop(replicas.pop(index))
        for index in range(spec.replicas):
            if index not in replicas:
                replicas[index] = MemoryReplica(spec, index, self.respond)
        return self.observe(spec.name)

    def observe(self, name: str) -> list[ReplicaStatus]:
        return [
            ReplicaStatus(
                index,
                f"{name}-{index}",
                replica.address,
                ReplicaState.EXITED if replica.failure else ReplicaState.HEALTHY,
                replica.failure,
                replica.restarts,
            )
            for index, replica in sorted(self.services.get(name, {}).items())
        ]

    def logs(self, name: str, tail: int = 200) -> str:
        lines = [
            f"{name}-{index} {replica.failure or 'ready'}"
            for index, replica in sorted(self.services.get(name, {}).items())
        ]
        return "\n".join(lines[-tail:])

    def remove(self, name: str) -> None:
        for replica in self.services.pop(name, {}).values():
            self._stop(replica)

    def fail(self, name: str, index: int, detail: str) -> None:
        """End a replica, as a model that fails would."""
        replica = self.services[name][index]
        self._stop(replica)
        replica.failure = detail

    def _stop(self, replica: MemoryReplica) -> None:
        if not replica.failure:
            replica.stop()


def _content(spec: ServiceSpec) -> tuple[Any, ...]:
    return spec.image, spec.environment, spec.artifact_digest, dict(spec.env)
