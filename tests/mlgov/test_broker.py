"""The broker of files, as several processes use it at once."""

import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection
from kombu.exceptions import ChannelError
from kombu.transport.virtual import Empty

from tests.disks import small_disk
from tests.threads import together

MESSAGES = 300


def channel(directory: Path) -> Any:
    folder = directory / "messages"
    folder.mkdir(exist_ok=True)
    options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(directory / "control"),
        "processed_folder": str(directory / "processed"),
        "store_processed": True,
    }
    (directory / "processed").mkdir(exist_ok=True)
    connection = Connection(
        "filesystem://localhost//", transport="mlgov.broker:Transport", transport_options=options
    )
    return connection.default_channel


def files(directory: Path) -> list[Path]:
    return [*(directory / "messages").iterdir(), *(directory / "processed").iterdir()]


def test_no_message_is_read_before_it_is_written(tmp_path: Path) -> None:
    writer, reader = channel(tmp_path), channel(tmp_path)
    filling = "x" * 200_000

    def write() -> None:
        for number in range(MESSAGES):
            writer._put("default", {"number": number, "filling": filling})

    thread = threading.Thread(target=write)
    thread.start()
    read, given_up_at = [], time.monotonic() + 60
    while len(read) < MESSAGES and time.monotonic() < given_up_at:
        try:
            read.append(reader._get("default"))
        except Empty:
            continue
    thread.join()

    assert sorted(message["number"] for message in read) == list(range(MESSAGES))
    assert {len(message["filling"]) for message in read} == {len(filling)}


def test_what_was_read_does_not_stay_on_the_disk(tmp_path: Path) -> None:
    ours = channel(tmp_path)
    ours._put("default", {"number": 1})
    ours._put("builds", {"number": 2})

    assert ours._get("default") == {"number": 1}
    assert [path.name.partition(".")[2] for path in files(tmp_path)] == ["builds.msg"]


@pytest.mark.parametrize("left", [b"", b'{"body": "ha', b"\xff\x00"])
def test_a_message_that_is_not_whole_is_left_out(tmp_path: Path, left: bytes) -> None:
    ours = channel(tmp_path)
    (tmp_path / "messages" / "0_first.default.msg").write_bytes(left)
    ours._put("default", {"number": 1})

    assert ours._get("default") == {"number": 1}
    with pytest.raises(Empty):
        ours._get("default")
    assert files(tmp_path) == []


@pytest.mark.parametrize("left", [b"", b"[[", b"{}", b"[1]", b"\xff"])
def test_a_list_of_queues_that_a_killed_process_left_is_begun_anew(
    tmp_path: Path, left: bytes
) -> None:
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "celery.exchange").write_bytes(left)
    ours = channel(tmp_path)

    assert ours.get_table("celery") == []
    ours._queue_bind("celery", "default", "", "default")
    ours._queue_bind("celery", "builds", "", "builds")
    ours._queue_bind("celery", "builds", "", "builds")

    assert [entry.queue for entry in ours.get_table("celery")] == ["builds", "default"]
    ours._delete("builds", "celery", "builds", "")
    assert [entry.queue for entry in channel(tmp_path).get_table("celery")] == ["default"]


def test_those_who_start_together_all_get_into_the_list(tmp_path: Path) -> None:
    names = [f"queue-{number}" for number in range(12)]
    channels = {name: channel(tmp_path) for name in names}

    results = together(
        *(partial(channels[name]._queue_bind, "celery", name, "", name) for name in names)
    )

    assert results == [None] * len(names)
    assert sorted(entry.queue for entry in channel(tmp_path).get_table("celery")) == sorted(names)


def test_a_message_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    ours = channel(tmp_path)
    with small_disk(tmp_path / "messages") as disk:
        disk.fill()
        with pytest.raises(ChannelError):
            ours._put("default", {"filling": "x" * 200_000})
        assert [path for path in files(tmp_path) if path != disk.filling] == []
