"""Attacks of whoever writes on a card, logs a report or gives a name, on whoever reads it."""

import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from markdown_it import MarkdownIt
from playwright._impl._errors import TargetClosedError
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from apps.accounts.models import User
from apps.cards import comments, documents, exchange, queries
from apps.cards import services as cards
from apps.cards.models import CardRevision
from apps.cards.reports import services as reports
from apps.cards.schema import FIELDS, Kind
from apps.core.errors import Invalid
from apps.projects import services as projects
from apps.projects.models import Project
from apps.registry import services as registry
from apps.registry import storage
from apps.registry.models import Artifact, Lineage, ModelVersion
from apps.reviews import services as reviews
from apps.reviews.models import ReviewRequest
from tests import factories
from tests.browser import attacks
from tests.browser.attacks import Attack
from tests.browser.conftest import IN_A_BROWSER
from tests.browser.tripwires import LURE, Outside, Tripwire, outside
from tests.people import AskForReview
from tests.sessions import sign_in

pytestmark = [*IN_A_BROWSER, pytest.mark.usefixtures("no_tracking")]
# Names of models hold neither slashes nor colons.
MODEL = "<img src=x onerror=window.__fired=1>"
RUN = "0123456789abcdef"
SCRIPTS, LEAVING = "scripts.html", ("leaving.html", "crashing.html")
HELPER = (
    "<script>function add(tag,its){const e=document.createElement(tag);Object.assign(e,its);"
    "document.documentElement.append(e);return e}</script>"
)
LONG = 20_000
TYPED = [
    field.pointer
    for field in FIELDS.values()
    if field.kind == Kind.MARKDOWN and field.is_typed and field.shape["maxLength"] >= LONG
]


@pytest.fixture
def elsewhere() -> Iterator[Outside]:
    with outside() as found:
        yield found


class World:
    """A version on whose card, and around it, stands every attack."""

    def __init__(self, project: Project, author: User, elsewhere: Outside) -> None:
        self.author, self.elsewhere = author, elsewhere
        author.name = self.names[0][:150]
        author.save()
        projects.describe_project(
            project, name=self.names[2][:150], description=self.names[3], by=project.created_by
        )
        self.model = registry.create_model(
            name=MODEL, by=author, project=project, description=self.names[4], tags={}
        )
        registry.set_model_tag(self.model, key="k", value=self.names[5], by=author)
        self.plain = self._version("plain words")
        self.version = self._version("other words")
        self._attack()

    @property
    def names(self) -> list[str]:
        return self.aimed(attacks.NAMES)

    def aimed(self, found: Sequence[Attack]) -> list[str]:
        texts = []
        for attack in found:
            text = attack.aimed(self.elsewhere.url)
            for token, value in self.elsewhere.tokens.items():
                text = text.replace(token, value)
            texts.append(text)
        return texts

    def _version(self, words: str) -> ModelVersion:
        version = factories.make_stored_version(
            self.model, by=self.author, source_run_id=RUN, description=words
        )
        run = {"id": RUN, "name": self.names[0], "user": self.names[1]}
        named = {name: name for name in self.names}
        metrics = [
            {"name": name, "value": 0.5, "step": 0, "dataset": self.names[1]} for name in self.names
        ]
        source = dict.fromkeys(("name", "git_repo", "git_commit", "git_branch"), self.names[2])
        data_set = {"name": self.names[3], "digest": self.names[4], "source": self.names[5]}
        Lineage.objects.create(
            version=version,
            document={
                "run": run, "parameters": named, "tags": {**named, "mlflow.note.content": words},
                "metrics": metrics, "source": source, "datasets": [data_set],
                "environment": {"requirements.txt": self.names[6]},
            },
        )  # fmt: skip
        cards.fill_card(version, by=self.author)
        self._write(version, dict.fromkeys(TYPED, words), reason=self.names[7])
        for number, name in enumerate(self.names):
            registry.set_version_tag(version, key=f"k{number}", value=name, by=self.author)
        return version

    def _attack(self) -> None:
        texts = self.aimed(attacks.MARKDOWN)
        # Each field has one or two of them, and a sentence that stays, for the words of the diff.
        shares = {
            pointer: "\n\n---\n\n".join([*texts[number :: len(TYPED)], "plain words stay"])
            for number, pointer in enumerate(TYPED)
        }
        self._write(self.version, shares, reason=self.names[8])
        self._write(
            self.version,
            {
                "/overview/tags": self.names,
                "/overview/license": self.names[9],
                "/custom/values": {name: {name: [name]} for name in self.names},
            },
            reason=self.names[6],
        )
        for text in texts:
            comments.add_comment(self.version, text=text, by=self.author)
        self._reports()
        for number, content in enumerate(self.aimed(attacks.README)):
            exchange.import_card(
                self.plain, by=self.author, key="huggingface", content=content.encode(),
                replace=True, name=self.names[number],
            )  # fmt: skip

        for content in self.aimed(attacks.REFUSED):
            with pytest.raises(Invalid):
                exchange.import_card(
                    self.plain, by=self.author, key="huggingface", content=content.encode()
                )

    def _reports(self) -> None:
        files: dict[str, str] = {}
        pieces = [f"<script>try{{{text}}}catch(e){{}}</script>" for text in self.scripts]
        for name, text in zip(LEAVING, self.aimed(attacks.LEAVING), strict=True):
            files[name] = f"<!doctype html><h1>Hello</h1>{HELPER}<script>{text}</script>"
        files |= {f"report-{n}.html": text for n, text in enumerate(self.aimed(attacks.REPORTS))}
        files |= {f"drawing-{n}.svg": text for n, text in enumerate(self.aimed(attacks.DRAWINGS))}
        cells = self.aimed(attacks.CELLS)
        files |= {
            SCRIPTS: f"<!doctype html><h1>Hello</h1>{HELPER}{''.join(pieces)}",
            "rows.csv": "\n".join(f'"{cell.replace(chr(34), chr(34) * 2)}",1' for cell in cells),
            "rows.json": documents.as_text([{cell: cell for cell in cells}]),
            "text.txt": "\n".join(cells),
            "both.png": f"\x89PNG\r\n\x1a\n{self.aimed(attacks.REPORTS)[0]}",
            f"{MODEL}.html": "<h1>Hello</h1>",
        }
        for path, text in files.items():
            blob = storage.save([text.encode("latin-1", "replace")], limit=10**6)
            Artifact.objects.create(
                version=self.version, path=path, size=blob.size, sha256=blob.sha256
            )
        names = [f"version:{path}" for path in files]
        reports.add(self.version, by=self.author, keys=names)

    @property
    def scripts(self) -> list[str]:
        return self.aimed(attacks.SCRIPTS)

    def _write(self, version: ModelVersion, values: dict[str, Any], *, reason: str) -> None:
        current = queries.current_card(version)
        cards.edit_card(
            version, by=self.author, changes=values, base_revision=current.number, reason=reason
        )

    @property
    def card(self) -> str:
        return f"/models/{quote(MODEL)}/versions/{self.version.number}"

    @property
    def newest(self) -> CardRevision:
        return queries.current_card(self.version)


@pytest.fixture
def world(project: Project, data_scientist: User, elsewhere: Outside) -> World:
    return World(project, data_scientist, elsewhere)


@pytest.fixture
def reader(world: World, browser: Browser, live_server: Any) -> Iterator[BrowserContext]:
    """A browser in which the author is signed in, who sees the most."""
    client = sign_in(Client(), world.author)
    session = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    context = browser.new_context(base_url=live_server.url)
    context.add_cookies([{**session, "url": live_server.url}])  # type: ignore[list-item]
    yield context
    context.close()


def frames_loaded(page: Page, least: int) -> None:
    """Also those that nobody has scrolled to."""
    page.evaluate("document.querySelectorAll('[loading]').forEach(e => { e.loading = 'eager'; })")
    page.wait_for_function(f"window.length >= {least}")
    page.wait_for_load_state("networkidle")


def test_nothing_that_people_and_programs_write_runs_or_is_told_to_anybody(
    world: World, reader: BrowserContext, ask_for_review: AskForReview, tmp_path: Path
) -> None:
    review: ReviewRequest = ask_for_review(world.version, world.names[9])
    for text in [*world.names, *world.aimed(attacks.MARKDOWN)[:20]]:
        reviews.comment(review, by=world.author, text=text)
    page, tripwire = reader.new_page(), Tripwire()
    tripwire.watch(page)
    newest, card = world.newest.number, world.card
    for address in (
        card,
        f"{card}/comments",
        f"{card}/card/sections/use",
        f"{card}/card/sections/evaluation",
        f"{card}/card/revisions",
        f"{card}/card/revisions/{newest}?from=1",
        f"{card}/card/exports",
        f"{card}/card/reports",
        f"{card}/activity",
        f"/models/{quote(MODEL)}",
        f"/models/{quote(MODEL)}/compare?v=1&v=2",
        f"/models/{quote(MODEL)}/versions/1",
        f"/training-runs/{RUN}",
        f"/reviews/{review.pk}",
        f"/projects/{world.model.project.slug}",
        "/models",
        "/",
    ):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        if address == card:
            shown = len(attacks.REPORTS) + 4
            frames_loaded(page, shown)
            # What is shown, is shown: a report that is only text, and rows of a table.
            expect(page.get_by_role("cell", name="=cmd|' /C calc'!A0").first).to_be_visible()
        tripwire.look(page, address)
    preview = page.goto(f"{card}/card/sections/use")
    assert preview is not None
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".prose").first).to_be_visible()
    tripwire.look(page, f"{card}/card/sections/use")
    _run_scripts(reader, world, tripwire)
    _open_exports(page, world, tripwire, tmp_path)

    assert tripwire.fired == set()
    assert (world.elsewhere.heard, world.elsewhere.connections) == (set(), 0)
    assert [cookie["name"] for cookie in reader.cookies()].count("sessionid") == 1
    assert page.goto("/tokens") is not None, "still signed in"
    assert "/accounts/login" not in page.url


def _run_scripts(reader: BrowserContext, world: World, tripwire: Tripwire) -> None:
    """The reports whose scripts somebody runs, and their addresses by themselves."""
    for name in (SCRIPTS, *LEAVING):
        page = reader.new_page()
        tripwire.watch(page)
        file = world.version.report_files.get(path=name)
        address = f"{world.card}/card/reports/{file.pk}"
        page.goto(f"{address}/frame")
        tripwire.look(page, address)
        page.get_by_role("button", name="Run this report's scripts").click()
        try:
            # Long enough for a call to be set up, and for a frame to leave.
            page.wait_for_timeout(2_000)
            expect(page.get_by_text("The scripts of this report run.")).to_be_visible()
            tripwire.look(page, address)
        except TargetClosedError:
            assert name == LEAVING[-1]
        page.close()


def _open_exports(page: Page, world: World, tripwire: Tripwire, folder: Path) -> None:
    """The HTML file as mlgov serves it, were it not saved; and as it lies in somebody's folder."""
    address = f"{world.card}/card/exports/html"

    def unsaved(route: Route) -> None:
        answer = route.fetch()
        headers = {k: v for k, v in answer.headers.items() if k != "content-disposition"}
        (folder / "card.html").write_bytes(answer.body())
        route.fulfill(response=answer, headers=headers)

    page.route(f"**{address}", unsaved)
    page.goto(address)
    assert page.get_by_text("plain words stay").count() > 20
    tripwire.look(page, address)
    page.goto((folder / "card.html").as_uri())
    tripwire.look(page, "card.html")


@pytest.mark.pdf
def test_the_pdf_of_such_a_card_is_written_without_asking_anybody(world: World) -> None:
    written = exchange.written(world.newest, "pdf").content
    assert written.startswith(b"%PDF-")
    assert (b"/JavaScript" in written, b"/Launch" in written) == (False, False)
    assert (world.elsewhere.heard, world.elsewhere.connections) == (set(), 0)


def test_the_same_attacks_come_through_where_nobody_defends(
    browser: Browser, elsewhere: Outside
) -> None:
    """Otherwise the test above would say nothing."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]
    rendered = {attack.name for attack in attacks.MARKDOWN}
    scripts = {attack.name for attack in (*attacks.SCRIPTS, *attacks.LEAVING)}
    frames = []
    for attack in attacks.EVERYTHING:
        text = attack.aimed(elsewhere.url)
        for token, value in elsewhere.tokens.items():
            text = text.replace(token, value)
        if attack.name in rendered:
            text = markdown.render(text)
        elif attack.name in scripts:
            text = f"{HELPER}<script>try{{{text}}}catch(e){{}}</script>"
        else:
            text = f"<title>{text}</title><p title='x'>{text}</p>"
        frames.append(
            "<iframe sandbox='allow-scripts allow-same-origin allow-forms allow-popups' "
            f'srcdoc="{html.escape(text)}"></iframe>'
        )
    elsewhere.pages["/undefended"] = "<!doctype html><meta charset=utf-8>" + "".join(frames)
    tripwire, page = Tripwire(), browser.new_page()
    tripwire.watch(page)
    page.goto(f"{elsewhere.url}/undefended")
    for frame in page.frames[1:]:
        try:
            frame.evaluate(LURE)
        except Exception:  # a frame that an attack led away
            continue
    page.wait_for_timeout(1_500)
    page.close()
    known = {attack.name for attack in attacks.EVERYTHING}
    through = (tripwire.fired | elsewhere.heard) & known
    missed = sorted(known - through)
    assert len(known) >= 60
    assert len(through) >= len(known) / 2, missed
