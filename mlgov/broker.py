"""The broker of files of a one-machine installation: kombu's, made safe for several processes.

Kombu writes a file in the place where others already read it, so that a worker may pick up half a
message, or an empty list of queues that a killed process left, and ends. Here a file is in its
place as a whole or not at all; and one that cannot be read, such as after a power cut, is put away
instead of ending who reads it. The broker is only a bell: what it loses, the sweep finds.
"""

import fcntl
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.transport.filesystem import exchange_queue_t
from kombu.transport.virtual import Empty
from kombu.utils.json import dumps, loads

log = logging.getLogger(__name__)
UNFINISHED = ".unfinished"
Table = list[Any]


class Channel(filesystem.Channel):
    def _put(  # type: ignore[override] # kombu itself calls it by two names
        self, queue: str, message: Any, **options: Any
    ) -> None:
        # Sorted by name is sorted by time, as kombu does it.
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        _write(Path(self.data_folder_out, name), dumps(message))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        wanted = f"{queue}.msg"
        for name in sorted(os.listdir(self.data_folder_in)):  # noqa: PTH208 - sorted by name
            if name.partition(".")[2] != wanted:
                continue
            taken = Path(self.processed_folder, name)
            try:
                Path(self.data_folder_in, name).rename(taken)
                content = taken.read_bytes()
                # Kombu keeps them for ever, and nobody reads them.
                taken.unlink()
                return loads(content.decode())
            except OSError:
                continue  # another worker has taken it
            except ValueError:
                log.warning("the message %s was not whole, and is left out", name)
        raise Empty

    def get_table(self, exchange: str) -> Table:
        return _read(self._file_of(exchange))

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str | None, queue: str) -> None:
        bound = exchange_queue_t(routing_key or "", pattern or "", queue or "")
        self._change(
            exchange, lambda table: table if bound in table else [bound, *table], make=True
        )

    def _delete(
        self, queue: str, exchange: str, routing_key: str, pattern: str, *args: Any, **options: Any
    ) -> None:
        # Kombu's own writes in place; what it does besides is the emptying of the queue.
        self._purge(queue)
        bound = exchange_queue_t(routing_key or "", pattern or "", queue or "")
        self._change(exchange, lambda table: [entry for entry in table if entry != bound])

    def _change(
        self, exchange: str, change: Callable[[Table], Table], *, make: bool = False
    ) -> None:
        file = self._file_of(exchange)
        self.control_folder.mkdir(exist_ok=True)
        with _alone(self.control_folder):
            before = _read(file)
            after = change(before)
            if after != before or (make and not file.exists()):
                _write(file, dumps(after))

    def _file_of(self, exchange: str) -> Path:
        file: Path = self._exchange_file(exchange)  # type: ignore[attr-defined] # stubs lack it
        return file


class Transport(filesystem.Transport):
    Channel = Channel


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4()}{UNFINISHED}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ChannelError(f"Cannot write {path}: {error}") from error


def _read(file: Path) -> Table:
    try:
        return [exchange_queue_t(*entry) for entry in loads(file.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ChannelError(f"Cannot read {file}: {error}") from error
    except (TypeError, ValueError):
        log.warning("the list of queues %s was not whole, and is begun anew", file)
        return []


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time changes lists. The lock is a file of its own, because lists are replaced."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
