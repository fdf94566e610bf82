"""Two people at once: functions that start together, each with a database connection of its own."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def together(*functions: Callable[[], Any]) -> list[Any]:
    """Run the functions at the same time; returns each one's result, or its exception."""
    barrier = threading.Barrier(len(functions))
    results: list[Any] = [None] * len(functions)

    def run(index: int, function: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=30)
            results[index] = function()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=(index, function), daemon=True)
        for index, function in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "a thread hangs"
    return results
