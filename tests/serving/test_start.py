import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlgov_serving.digest import artifact_digest

from apps.core.digests import sha256_of_file, tree_digest
from apps.deployments.targets import http
from tests.serving import models
from tests.serving.conftest import SERVING


def command(directory: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "mlgov_serving", "--model", str(directory), *arguments]


def environment(digest: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SERVING),
        "MLGOV_ARTIFACT_DIGEST": digest,
        "MLGOV_MODEL_NAME": "justice/iris",
    }


def start(directory: Path, digest: str) -> tuple[int, dict[str, str]]:
    done = subprocess.run(
        command(directory, "--port", "1"),
        env=environment(digest),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def test_both_sides_compute_the_same_digest(tmp_path):
    for name, content in (("z", b""), ("ä/ b.txt", b"1"), ("a.b/c", b"22"), ("a/c", b"3")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)

    entries = []
    for path in tmp_path.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                entry = (path.relative_to(tmp_path).as_posix(), path.stat().st_size)
                entries.append((*entry, sha256_of_file(file)))
    assert artifact_digest(tmp_path) == tree_digest(entries)


def test_a_link_has_no_digest(tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")

    with pytest.raises(ValueError, match="link is not a plain file"):
        artifact_digest(tmp_path)


def test_other_files_than_approved_are_not_loaded(brittle_dir):
    digest = artifact_digest(brittle_dir)

    status, said = start(brittle_dir, "sha256:0")

    assert (status, said["event"], said["error"]) == (
        4,
        "load_failed",
        f"the model directory has the digest {digest}, expected sha256:0",
    )


def test_files_that_nobody_approved_are_not_loaded(brittle_dir):
    assert start(brittle_dir, "")[0] == 4


def test_a_model_that_does_not_load_says_why_in_its_last_line(tmp_path):
    models.save_brittle(tmp_path / "model", imported="not_installed_anywhere")

    status, said = start(tmp_path / "model", artifact_digest(tmp_path / "model"))

    assert (status, said["event"], said["error"]) == (
        3,
        "load_failed",
        "ModuleNotFoundError: No module named 'not_installed_anywhere'",
    )


def test_it_serves_on_a_unix_socket_until_it_is_told_to_end(brittle_dir, tmp_path):
    digest = artifact_digest(brittle_dir)
    address = f"unix:{tmp_path / 's'}"
    with subprocess.Popen(
        command(brittle_dir, "--uds", "s"),
        env=environment(digest),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        answer = wait_for(address)
        process.terminate()
        out, _ = process.communicate(timeout=20)

    assert (answer.status, answer.headers["x-mlgov-model"]) == (200, "justice/iris")
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["ready"]
    # nothing was written next to the model's code, so it starts again
    assert artifact_digest(brittle_dir) == digest


def wait_for(address: str) -> http.Answer:
    deadline = time.monotonic() + 60
    while True:
        try:
            return http.request(address, "GET", "/ping")
        except http.ReplicaUnreachable:
            assert time.monotonic() < deadline
            time.sleep(0.1)
