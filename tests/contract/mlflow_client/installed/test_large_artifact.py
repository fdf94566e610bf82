"""Two gigabytes through the whole installation and back, with the stock client."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.contract.mlflow_client.installed.conftest import Installation
from tests.journeys.product import descendants

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MEGABYTE = 1024 * 1024
BLOCK = 16 * MEGABYTE
BLOCKS = 128
MOST_GROWTH = 64 * MEGABYTE


@pytest.fixture
def large_file(tmp_path: Path, installation: Installation) -> Iterator[Path]:
    """What no compression on the way makes smaller: the block repeats far beyond any window."""
    path = tmp_path / "large.bin"
    block = os.urandom(BLOCK)
    with path.open("wb") as file:
        for _ in range(BLOCKS):
            file.write(block)
    try:
        yield path
    finally:
        # pytest keeps the directories of the last three runs.
        for folder in (tmp_path, installation.product.data_dir):
            for copy in folder.rglob(path.name):
                copy.unlink()


def memory_of(processes: list[int], figure: str) -> dict[int, int]:
    found = {}
    for pid in processes:
        line = re.search(rf"{figure}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        assert line is not None
        found[pid] = int(line[1]) * 1024
    return found


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_two_gigabytes_go_up_and_down_with_flat_memory(
    installation: Installation,
    large_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in installation.environment(installation.url).items():
        monkeypatch.setenv(name, value)
    client = MlflowClient()
    run = client.create_run("0").info.run_id
    # What is loaded with the first upload and download is no growth.
    client.log_text(run, "small", "small.txt")
    client.download_artifacts(run, "small.txt", str(tmp_path))
    assert installation.product.process is not None
    processes = descendants(installation.product.process.pid)
    for pid in processes:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    before = memory_of(processes, "VmHWM")
    size, digest = large_file.stat().st_size, digest_of(large_file)

    client.log_artifact(run, str(large_file))
    large_file.unlink()  # room for its copy
    after_upload = memory_of(processes, "VmHWM")
    downloaded = Path(client.download_artifacts(run, large_file.name, str(tmp_path)))

    peaks = memory_of(processes, "VmHWM")
    growth = {pid: (peaks[pid] - before[pid]) // MEGABYTE for pid in processes}
    print({"before": before, "after_upload": after_upload, "growth": growth})
    assert (size, digest_of(downloaded)) == (2 * 1024 * MEGABYTE, digest)
    assert len(processes) >= 7  # web with two workers, worker with three, clock, tracking server
    assert max(growth.values()) * MEGABYTE < MOST_GROWTH
