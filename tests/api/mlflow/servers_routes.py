"""Prints the routes of the installed tracking server as JSON: [[method, path], …].

A process of its own, because importing the server takes seconds and leaves threads behind.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from mlflow.server import app as flask_app
from mlflow.server.fastapi_app import app as fastapi_app

IMPLIED = {"HEAD", "OPTIONS"}


def of_flask() -> Iterator[tuple[str, str]]:
    for rule in flask_app.url_map.iter_rules():
        for method in (rule.methods or set()) - IMPLIED:
            yield method, str(rule)


def of_fastapi(routes: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        # An included router wraps the routes of the one that it includes.
        context = getattr(route, "include_context", None)
        router = getattr(route, "original_router", None)
        if router is not None:
            yield from of_fastapi(router.routes, prefix + getattr(context, "prefix", ""))
        else:
            for method in (getattr(route, "methods", None) or set()) - IMPLIED:
                yield method, prefix + route.path


if __name__ == "__main__":
    found = {*of_flask(), *of_fastapi(fastapi_app.routes)}
    json.dump(sorted(found), sys.stdout)
