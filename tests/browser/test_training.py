"""The page of a training run in a browser: its curves, its files, and axe."""

import math
import struct
import zlib
from typing import Any

import pytest
from playwright.sync_api import expect

from apps.accounts.models import User
from apps.projects.models import Project
from tests.browser.conftest import IN_A_BROWSER, SignIn
from tests.browser.test_accessibility import serious
from tests.tracking import Tracking

pytestmark = IN_A_BROWSER
LONG = "a-long-name-without-a-place-to-break-" * 4


def png() -> bytes:
    """A small grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\x00" + bytes(range(0, 240, 4)) for _ in range(40))
    head = struct.pack(">IIBBBBB", 60, 40, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def run_id(tracking: Tracking, project: Project, viewer: User) -> str:
    tags = {"mlflow.runName": "wise-owl", "mlflow.user": "ada", "mlflow.source.name": "train.py"}
    run_id = str(tracking.make_run(**tags)["info"]["run_id"])
    metrics: list[dict[str, Any]] = []
    for step in range(200):
        values = {
            "train/loss": math.exp(-step / 40) + 0.05 * math.sin(step),
            "validation/auc": 0.95 - 0.4 * math.exp(-step / 30),
            "learning_rate": "NaN" if 80 < step < 95 else 0.001 * 0.99**step,
            LONG: step * 1e6,
        }
        metrics += [
            {"key": key, "value": value, "timestamp": 1_700_000_000_000 + step, "step": step}
            for key, value in values.items()
        ]
    metrics.append({"key": "test/auc", "value": 0.91, "timestamp": 1_700_000_000_000, "step": 0})
    for start in range(0, len(metrics), 500):
        tracking.log(run_id, metrics=metrics[start : start + 500])
    params = [{"key": f"parameter_{n}", "value": str(n)} for n in range(12)]
    tracking.log(
        run_id,
        params=[*params, {"key": LONG, "value": LONG * 3}],
        tags=[{"key": "team", "value": "risk"}],
    )
    data = {"name": "cases", "digest": "4b1d", "source_type": "s3", "source": '{"uri": "s3://b/c"}'}
    data["schema"] = '{"mlflow_colspec": [{"type": "double", "name": "age"}]}'
    data["profile"] = '{"num_rows": 12345}'
    tracking.call("POST", "runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": data}]})
    root = f"{tracking.experiment}/{run_id}/artifacts"
    tracking.put(f"{root}/plots/roc.png", png())
    tracking.put(f"{root}/report.html", b"<h1>Report</h1><script>alert(1)</script>")
    tracking.end_run(run_id)
    return run_id


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_of_a_run_can_be_used_by_everybody(
    run_id: str, tracking: Tracking, sign_in: SignIn, scheme: str, width: int
) -> None:
    page = sign_in("viewer", color_scheme=scheme, viewport={"width": width, "height": 844})
    found, wider = [], []
    for path in (
        f"/training-runs/{run_id}",
        f"/training-runs/{run_id}/metric?name=train/loss",
        f"/training-runs/{run_id}/artifacts?path=plots",
        f"/training-runs/{run_id}/file?path=plots/roc.png",
        f"/training-runs/{run_id}/file?path=report.html",
        "/projects/credit/experiments",
        f"/projects/credit/experiments/{tracking.experiment}",
    ):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        found += serious(page)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wider.append(path)
    assert (found, wider) == ([], [])


def test_curves_are_drawn_and_folders_open_in_place(run_id: str, sign_in: SignIn) -> None:
    page = sign_in("viewer")
    page.goto(f"/training-runs/{run_id}")
    loss = page.get_by_role("img", name="train/loss from step 0 to 199")
    line = loss.locator(".chart-line")
    assert line.bounding_box()["height"] > 60  # type: ignore[index]
    assert line.evaluate("line => getComputedStyle(line).stroke") != "none"
    page.get_by_role("link", name="plots").click()
    expect(page.locator("#listing")).to_contain_text("roc.png")
    expect(page.get_by_role("heading", name="wise-owl")).to_be_visible()
    page.get_by_role("link", name="roc.png", exact=True).click()
    expect(page.get_by_role("img", name="plots/roc.png")).to_have_js_property("naturalWidth", 60)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "roc.png"


def test_folders_open_without_javascript(run_id: str, sign_in: SignIn) -> None:
    page = sign_in("viewer", java_script_enabled=False)
    page.goto(f"/training-runs/{run_id}")
    page.get_by_role("link", name="plots").click()
    expect(page.locator("#listing")).to_contain_text("roc.png")
