"""The health check of a container: `python -m mlgov_serving.health` exits 0 when it answers."""

import http.client
import os
import socket
import sys
from urllib.parse import urlsplit


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def answers(address: str, timeout: float = 5.0) -> bool:
    if address.startswith("unix:"):
        connection: http.client.HTTPConnection = UnixConnection(address[len("unix:") :], timeout)
    else:
        url = urlsplit(address)
        host = "127.0.0.1" if url.hostname in (None, "0.0.0.0") else url.hostname  # nosec B104
        connection = http.client.HTTPConnection(host, url.port or 8080, timeout=timeout)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if answers(os.environ.get("MLGOV_LISTEN", "http://127.0.0.1:8080")) else 1)
