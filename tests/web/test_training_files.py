"""The files of a training run, which are never pages of ours."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from tests.tracking import Tracking

Signed = Callable[[User], Client]
HTMX = {"HX-Request": "true", "HX-Target": "listing"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def test_folders_are_opened_one_at_a_time(
    signed_in: Signed, viewer: User, tracking: Tracking, run_id: str, root: str
) -> None:
    tracking.put(f"{root}/plots/deep/roc.txt", b"curve")
    tracking.put(f"{root}/a file.txt", b"hello")
    client = signed_in(viewer)
    shown = text_of(client.get(f"/training-runs/{run_id}"))
    assert ("plots" in shown, "a file.txt" in shown, "deep" in shown) == (True, True, False)
    part = client.get(f"/training-runs/{run_id}/artifacts?path=plots", headers=HTMX)
    assert ("deep" in text_of(part), "<html" in text_of(part)) == (True, False)
    page = client.get(f"/training-runs/{run_id}/artifacts?path=plots/deep")
    assert ("roc.txt" in text_of(page), "<html" in text_of(page)) == (True, True)


def test_files_come_as_downloads_that_no_browser_shows(
    signed_in: Signed, viewer: User, tracking: Tracking, run_id: str, root: str
) -> None:
    page = b"<html><script>alert(1)</script>"
    tracking.put(f"{root}/report.html", page)
    client = signed_in(viewer)
    response = client.get(f"/training-runs/{run_id}/raw?path=report.html")
    assert b"".join(response.streaming_content) == page
    assert {
        name: response[name]
        for name in ("Content-Type", "Content-Disposition", "X-Content-Type-Options")
    } == {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": 'attachment; filename="report.html"',
        "X-Content-Type-Options": "nosniff",
    }
    assert response["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    refused = client.get(f"/training-runs/{run_id}/raw?path=report.html&show=image")
    assert refused.status_code == 404
    shown = client.get(f"/training-runs/{run_id}/file?path=report.html").content.decode()
    assert ("&lt;script&gt;alert(1)" in shown, "<script>alert(1)" in shown) == (True, False)


def test_pictures_are_shown_and_drawings_with_script_are_not(
    signed_in: Signed, viewer: User, tracking: Tracking, run_id: str, root: str
) -> None:
    tracking.put(f"{root}/plot.png", PNG)
    tracking.put(f"{root}/plot.svg", b'<svg onload="alert(1)"/>')
    tracking.put(f"{root}/large.png", PNG + bytes(6 * 1024 * 1024))
    client = signed_in(viewer)
    shown = client.get(f"/training-runs/{run_id}/raw?path=plot.png&show=image")
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/png")
    assert shown["Content-Security-Policy"].startswith("sandbox")
    assert "<img src=" in text_of(client.get(f"/training-runs/{run_id}/file?path=plot.png"))
    others = [
        client.get(f"/training-runs/{run_id}/raw?path={name}&show=image").status_code
        for name in ("plot.svg", "large.png")
    ]
    assert others == [404, 413]


def test_only_the_beginning_of_a_long_text_is_shown(
    signed_in: Signed, viewer: User, tracking: Tracking, run_id: str, root: str
) -> None:
    tracking.put(f"{root}/long.csv", "ä".encode() * 200_000)
    tracking.put(f"{root}/model.bin", b"\x00\x01\x02")
    tracking.put(f"{root}/empty.txt", b"")
    client = signed_in(viewer)
    shown = {
        name: text_of(client.get(f"/training-runs/{run_id}/file?path={name}"))
        for name in ("long.csv", "model.bin", "empty.txt")
    }
    assert "the beginning of the file" in shown["long.csv"]
    assert len(shown["long.csv"]) < 100_000
    assert "Not text" in shown["model.bin"]
    assert "The file is empty" in shown["empty.txt"]


@pytest.mark.parametrize(
    "path",
    ["../../secret", "a/../../secret", "..%2f..%2fsecret", "a//b", "a\\b", "a\nb", "x" * 3000, ""],
)
def test_no_path_leads_out_of_the_run(
    signed_in: Signed, viewer: User, run_id: str, path: str
) -> None:
    client = signed_in(viewer)
    found = [
        client.get(f"/training-runs/{run_id}/{page}", {"path": path}).status_code
        for page in ("raw", "file")
    ]
    assert found == [404, 404]


def test_files_of_a_logged_model_belong_to_its_run(
    signed_in: Signed,
    viewer: User,
    tracking: Tracking,
    run_id: str,
) -> None:
    ours = tracking.make_logged_model(run_id)
    other_run = tracking.make_run()["info"]["run_id"]
    other = tracking.make_logged_model(other_run)
    for info in (ours, other):
        root = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
        tracking.put(f"{root}/MLmodel", b"flavors: {}")
    client = signed_in(viewer)
    found = [
        client.get(f"/training-runs/{run_id}/artifacts?model={info['model_id']}")
        for info in (ours, other)
    ]
    assert [response.status_code for response in found] == [200, 404]
    assert "MLmodel" in text_of(found[0])
