"""MLflow's own pages in a browser, from the page of a run on."""

from typing import Any

import pytest
from playwright.sync_api import expect

from apps.accounts.models import User
from apps.projects.models import Project
from tests.browser.conftest import IN_A_BROWSER, SignIn
from tests.tracking import Tracking

pytestmark = IN_A_BROWSER
# What the pages ask for and can do without: there are neither accounts of MLflow nor assistants.
NOT_HERE = {"users/current", "assistant/config", "assistant/providers"}
MISSED = "status of 404"
# Its layout settles a frame later; so it does with the stock server.
SETTLES = "ResizeObserver loop"
NO_SCRIPT = "Executing inline script violates the following Content Security Policy directive"


@pytest.fixture
def run_id(tracking: Tracking, project: Project, viewer: User) -> str:
    run_id = str(tracking.make_run(**{"mlflow.runName": "wise-owl"})["info"]["run_id"])
    metrics: list[dict[str, Any]] = [
        {"key": key, "value": value, "timestamp": 1_700_000_000_000 + step, "step": step}
        for step in range(60)
        for key, value in (("train/loss", 1 / (step + 1)), ("auc", 0.5 + step / 125))
    ]
    tracking.log(run_id, metrics=metrics, params=[{"key": "max_depth", "value": "7"}])
    root = f"{tracking.experiment}/{run_id}/artifacts"
    tracking.put(f"{root}/report.html", b"<h1>Fine</h1><script>document.title = 1</script>")
    tracking.end_run(run_id)
    return run_id


@pytest.fixture
def pages(live_server: Any, settings: Any) -> str:
    """Browsers look up names below localhost on the machine itself."""
    origin = str(live_server.url).replace("localhost", "mlflow.localhost")
    settings.MLGOV_MLFLOW_PAGES, settings.MLGOV_ORIGIN = origin, live_server.url
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "mlflow.localhost"]
    return origin


def test_a_run_opens_in_mlflows_own_pages(
    run_id: str, tracking: Tracking, pages: str, sign_in: SignIn, complaints: list[str]
) -> None:
    page = sign_in("viewer", viewport={"width": 1400, "height": 900})
    asked, refused = set(), set()
    page.on("request", lambda request: asked.add(request.url.partition("/")[2].split("/")[1]))
    page.on("response", lambda r: refused.add(r.url) if r.status >= 400 else None)

    page.goto(f"/training-runs/{run_id}")
    page.get_by_role("link", name="Open in MLflow").click()

    expect(page.get_by_role("heading", name="wise-owl")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="max_depth")).to_contain_text("7")
    expect(page.get_by_role("row").filter(has_text="auc")).to_contain_text("0.972")
    page.get_by_role("tab", name="Model metrics").click()
    expect(page.locator(".js-plotly-plot .scatterlayer path.js-line").first).to_be_visible()
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("report.html").first.click()
    report = page.frame_locator("iframe")
    expect(report.get_by_role("heading", name="Fine")).to_be_visible()
    page.goto(f"{pages}/#/experiments")
    expect(page.get_by_role("link", name="of-credit-")).to_be_visible()

    hosts = {url.rpartition(":")[0] for url in asked}
    assert hosts == {"localhost", "mlflow.localhost"}
    assert {url.partition("/mlflow/")[2] for url in refused} == NOT_HERE
    known = (MISSED, SETTLES, NO_SCRIPT)
    assert [text for text in complaints if not any(part in text for part in known)] == []
    assert any(NO_SCRIPT in text for text in complaints)
    complaints.clear()
