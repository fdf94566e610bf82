"""The schema and its page."""

import io

import pytest
from django.core.management import call_command
from playwright.sync_api import sync_playwright


def test_the_schema_is_valid_and_complete():
    # Raises for anything that a view leaves open.
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())


def test_the_schema_is_served_to_anybody(client, db):
    answer = client.get("/api/v1/schema")
    assert answer.status_code == 200
    assert b"/api/v1/reviews/{id}/approve" in answer.content


def test_the_page_loads_nothing_from_elsewhere(client, db):
    answer = client.get("/api/v1/docs")
    page = answer.content.decode()

    assert answer.status_code == 200
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert "script-src 'self';" in answer["Content-Security-Policy"]


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_page_works_under_its_policy(live_server, chromium_path, monkeypatch):
    # Playwright's loop runs in this thread, where Django would refuse queries.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(f"{live_server.url}/api/v1/docs")
        page.locator(".opblock", has_text="/access/").first.wait_for(timeout=20_000)
        # With as many operations as there are it draws those in sight only.
        page.mouse.wheel(0, 100_000)
        page.locator(".opblock", has_text="/tokens").first.wait_for(timeout=20_000)
        browser.close()

    assert complaints == []
    assert hosts == {live_server.url.split("/")[2]}
