import json
import logging
import sys
import threading
from datetime import UTC, datetime

_lock = threading.Lock()


def say(event: str, **fields: object) -> None:
    """Write one JSON line to standard output."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"time": now, "event": event, **fields}, default=str)
    with _lock:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


class JsonHandler(logging.Handler):
    """What libraries log, in the same form. Tracebacks stay out: their messages quote the data."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()[:2000]
        except Exception:  # a wrong format string of some library must not stop a request
            text = str(record.msg)[:2000]
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        error = {"error": kind} if kind else {}
        say("log", level=record.levelname.lower(), logger=record.name, text=text, **error)


def take_over_logging() -> None:
    for name in ("mlflow", "uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Its warnings name what the request contained, and the guard reports every refusal already.
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.root.handlers[:] = [JsonHandler()]
    logging.root.setLevel(logging.WARNING)
