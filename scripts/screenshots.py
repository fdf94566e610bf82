"""Takes the screenshots of the documentation from a running `make demo`.

    make demo                                   # in one terminal
    python -m scripts.screenshots [--demo var/demo.json] [--out docs/images]

Signs in as the people that `demo.json` names and takes each page in light and in dark: the model
card of the first version, a reviewer's inbox with the second one in it, and the deployment.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SCHEMES = {"light": "", "dark": "-dark"}
SIZE = {"width": 1280, "height": 860}
PATIENCE = 20_000  # milliseconds for a page, on a machine that is building images


class NoScreenshot(Exception):
    """Why, and what to do about it."""


@dataclass(frozen=True)
class Demo:
    base_url: str
    model: str
    passwords: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> "Demo":
        try:
            said: dict[str, Any] = json.loads(path.read_text())
            passwords = {person["username"]: person["password"] for person in said["people"]}
            return cls(said["base_url"].rstrip("/"), said["model"], passwords)
        except FileNotFoundError:
            raise NoScreenshot(f"{path} is not there. Run `make demo` first.") from None
        except (KeyError, TypeError, ValueError) as error:
            raise NoScreenshot(
                f"{path} is not of a demo that ran to its end ({error!r}). Run `make demo` again."
            ) from None


@dataclass(frozen=True)
class Shot:
    """A picture: who looks at what."""

    name: str
    person: str
    path: str
    then: str = ""  # a link to follow from there, as a CSS selector


def shots(demo: Demo) -> list[Shot]:
    card = f"/models/{quote(demo.model, safe='')}/versions/1"
    return [
        Shot("card", "ada", card),
        Shot("inbox", "dora", "/"),
        Shot("deployment", "olga", "/deployments", then="main a[href^='/deployments/']"),
    ]


def take(demo: Demo, out: Path, *, full_page: bool) -> Iterator[Path]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            # Without one on PATH, the one that Playwright itself may have installed.
            executable_path=next(filter(None, map(shutil.which, BROWSERS)), None),
            args=["--no-sandbox"],
        )
        for shot in shots(demo):
            for scheme, suffix in SCHEMES.items():
                with _signed_in(browser, demo, shot.person, scheme) as context:
                    page = context.new_page()
                    _open(page, demo.base_url + shot.path)
                    if shot.then:
                        _follow(page, demo, shot.then)
                    _settle(page)
                    picture = out / f"{shot.name}{suffix}.png"
                    page.screenshot(path=picture, full_page=full_page, animations="disabled")
                    yield picture
        browser.close()


@contextmanager
def _signed_in(browser: Browser, demo: Demo, person: str, scheme: str) -> Iterator[BrowserContext]:
    if person not in demo.passwords:
        raise NoScreenshot(f"The demo knows nobody called {person}. Run `make demo` again.")
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": SIZE["width"], "height": SIZE["height"]},
        reduced_motion="reduce",
        locale="en-GB",
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    _open(page, f"{demo.base_url}/accounts/login/")
    page.fill("input[name=login]", person)
    page.fill("input[name=password]", demo.passwords[person])
    page.click("main button[type=submit], form[action*=login] button[type=submit]")
    page.wait_for_load_state("load")
    if page.locator("input[name=password]").count():
        raise NoScreenshot(
            f"{person} cannot sign in with the password in demo.json: is that of another database?"
        )
    page.close()
    yield context
    context.close()


def _open(page: Page, url: str) -> None:
    # Not `networkidle`: a live log asks for more every two seconds.
    answer = page.goto(url, wait_until="load")
    if answer is not None and answer.status >= 400:
        raise NoScreenshot(f"{url} answers {answer.status}.")


def _follow(page: Page, demo: Demo, selector: str) -> None:
    found = page.locator(selector)
    for number in range(found.count()):
        target = found.nth(number).get_attribute("href") or ""
        if target.rstrip("/").rpartition("/")[2].isdigit():
            _open(page, demo.base_url + target)
            return
    raise NoScreenshot(f"{page.url} shows no deployment. Did the demo run to its end?")


def _settle(page: Page) -> None:
    page.evaluate("document.fonts.ready")
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)


def main() -> int:
    parser = argparse.ArgumentParser(description="Take the screenshots of the documentation.")
    parser.add_argument("--demo", type=Path, default=ROOT / "var" / "demo.json")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--full-page", action="store_true", help="the whole page, not the window")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        demo = Demo.read(options.demo)
        for picture in take(demo, options.out, full_page=options.full_page):
            print(f"taken: {picture}")
    except NoScreenshot as reason:
        print(reason, file=sys.stderr)
        return 1
    except Error as error:
        told = error.message.strip().splitlines()[0]
        print(f"The browser gave up: {told} Is `make demo` still running?", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
