"""Models behind a socket, and the data that they are measured on.

The data set is scikit-learn's `load_diabetes`: 442 real patients, with their sex as a sensitive
attribute, and how much their diabetes had progressed after a year as target.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Answers = Callable[[pd.DataFrame], Any]
FEATURES = ["age", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]


def patients() -> pd.DataFrame:
    """The patients; `progressed` says whether the disease went on more than in half of them."""
    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame["sex"] = frame["sex"].map({1.0: "one", 2.0: "other"})
    frame["progressed"] = (frame["target"] > frame["target"].median()).astype(int)
    return frame


def classifier(frame: pd.DataFrame) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(
        frame[FEATURES], frame["progressed"]
    )


def regressor(frame: pd.DataFrame) -> Any:
    return LinearRegression().fit(frame[FEATURES], frame["target"])


@contextmanager
def serving(answers: Answers, path: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, b"\n")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            split = body["dataframe_split"]
            made = answers(pd.DataFrame(split["data"], columns=split["columns"]))
            if isinstance(made, tuple):
                self._send(*made)
            else:
                self._send(200, json.dumps({"predictions": made}).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

        def address_string(self) -> str:
            return "socket"

    class Server(ThreadingUnixStreamServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Of a connection that the test broke."""

    path.unlink(missing_ok=True)
    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"unix:{path}"
        finally:
            server.shutdown()
            thread.join()
