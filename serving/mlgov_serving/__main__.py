import argparse
import gc
import os
import sys
from importlib import import_module
from typing import NoReturn
from urllib.parse import urlsplit

import uvicorn

from mlgov_serving.digest import artifact_digest
from mlgov_serving.identity import Identity
from mlgov_serving.logs import say, take_over_logging

LOAD_FAILED, OTHER_CONTENT = 3, 4


def verify(directory: str, expected: str) -> None:
    """Refuse to go on with other files than those that were approved."""
    if not expected:
        _give_up(
            OTHER_CONTENT, "MLGOV_ARTIFACT_DIGEST is not set: nobody said which files to serve"
        )
    try:
        found = artifact_digest(directory)
    except (OSError, ValueError) as error:
        _give_up(OTHER_CONTENT, f"the model directory cannot be read: {error}")
    if found != expected:
        _give_up(OTHER_CONTENT, f"the model directory has the digest {found}, expected {expected}")


def _give_up(status: int, error: str, **fields: object) -> NoReturn:
    say("load_failed", error=error[:2000], **fields)
    sys.exit(status)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="mlgov-serving", description="Serve one MLflow model.")
    parser.add_argument("--model", required=True, metavar="DIR")
    parser.add_argument("--uds", metavar="PATH", help="listen on a unix socket")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int)
    chosen = parser.parse_args(arguments)
    if not chosen.uds and not chosen.port:
        listen = os.environ.get("MLGOV_LISTEN", "")
        if listen.startswith("unix:"):
            chosen.uds = listen[len("unix:") :]
        elif listen:
            url = urlsplit(listen)
            chosen.host, chosen.port = url.hostname or chosen.host, url.port
        if not chosen.uds and not chosen.port:
            parser.error("say --uds PATH or --port PORT")

    # A file that Python writes next to the model's code would change the digest at the next start.
    sys.dont_write_bytecode = True
    identity = Identity.from_environment()
    verify(chosen.model, identity.digest)
    max_body = int(os.environ.get("MLGOV_MAX_BODY_BYTES") or 16 << 20)
    try:
        # Not above: whatever is wrong with the model's libraries is a reason why it does not load.
        runtime = import_module("mlgov_serving.runtime")
        app = runtime.application(chosen.model, identity, max_body)
    except BaseException as error:  # also SystemExit out of somebody's code
        if isinstance(error, KeyboardInterrupt):
            raise
        _give_up(LOAD_FAILED, f"{type(error).__name__}: {error}", cause=_cause(error))
    take_over_logging()
    # What is loaded now stays: the collector need not look at it again with every request.
    gc.collect()
    gc.freeze()
    say("ready", model=identity.model_name, version=identity.model_version, pid=os.getpid())
    uvicorn.run(
        app,
        uds=chosen.uds,
        host=chosen.host,
        port=chosen.port or 0,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        # Longer than callers keep theirs: who closes an idle connection first loses no request.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )


def _cause(error: BaseException) -> str | None:
    while error.__cause__:
        error = error.__cause__
        if not error.__cause__:
            return f"{type(error).__name__}: {error}"[:2000]
    return None


if __name__ == "__main__":
    main()
