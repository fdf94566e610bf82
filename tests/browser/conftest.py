"""A real browser on the real pages, and a worker that does what there is to do."""

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.builds.parts import in_memory_parts, work

__all__ = ["in_memory_parts"]
# The marks of every module here.
IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("in_memory_parts"),
]
PATIENCE = 20_000  # milliseconds, for a machine that does much else
# Chromium says so of every answer in the 400s; a refused form is one.
REFUSED = "status of 422"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread: Django takes it for asynchronous code, and
    # tests of asynchronous code after these have to find none.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the console of the browser complained of; a test fails when there is anything."""
    found: list[str] = []
    yield found
    assert found == []


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(browser: Browser, live_server: Any, complaints: list[str]) -> Iterator[SignIn]:
    contexts = []

    def open_page(username: str, **options: Any) -> Page:
        context = browser.new_context(base_url=live_server.url, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda message: (
                complaints.append(f"{page.url}: {message.text}")
                if message.type in ("error", "warning") and REFUSED not in message.text
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.goto("/accounts/login/")
        page.locator("[name=login]").fill(username)
        page.locator("[name=password]").fill("a long passphrase")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/accounts/login" not in url)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def worker(live_server: Any) -> Iterator[None]:
    """Delivers and carries out in a thread, as the worker does in a process."""
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(0.2):
            work()
        connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    stopped.set()
    thread.join(timeout=30)
