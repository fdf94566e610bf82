"""Reports of the user's own code: copied, put on the card, and served so that nothing runs."""

import hashlib
import struct
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import storages
from django.test import Client

from apps.accounts.models import User
from apps.cards import documents, queries
from apps.cards import services as cards
from apps.cards.models import CardRevision, ReportFile
from apps.cards.reports import services, tables
from apps.cards.reports.kinds import ReportKind
from apps.core.errors import Invalid, NotFound, NotPermitted, TooLarge
from apps.registry import storage
from apps.registry.models import Artifact, Lineage, ModelVersion, RegisteredModel
from tests import factories
from tests.sessions import sign_in
from tests.tracking import Tracking

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(40)
HTML = b"<h1>Report</h1><script>document.title = 'ran'</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>'
CSV = b"class,precision\nyes,0.9\nno,0.8\n"
FRAMED = {"Sec-Fetch-Dest": "iframe"}


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def trained(tracking: Tracking, model: RegisteredModel, data_scientist: User) -> ModelVersion:
    """A version of a run that has some artifacts."""
    run_id = str(tracking.make_run()["info"]["run_id"])
    root = f"{tracking.experiment}/{run_id}/artifacts"
    for path, content in {
        "plots/confusion_matrix.png": PNG,
        "per_class_metrics.csv": CSV,
        "report.html": HTML,
        "notes.txt": b"By hand.",
        "customers.csv": b"name\nada\n",
        "estimator.html": b"<p>A pipeline</p>",
        "fake.png": HTML,
        "model/MLmodel": b"flavors: {}",
        "model/shap.png": PNG,
        "shap_explainer.pkl": b"\x80\x04.",
    }.items():
        tracking.put(f"{root}/{path}", content)
    version = factories.make_stored_version(
        model, by=data_scientist, source_run_id=run_id, experiment_id=tracking.experiment
    )
    Lineage.objects.create(version=version, document={"run": {"id": run_id}})
    return version


@pytest.fixture
def stored(model: RegisteredModel, data_scientist: User) -> ModelVersion:
    """A version without a run, among whose own artifacts are reports."""
    version = factories.make_stored_version(model, by=data_scientist)
    for path, content in {"r/report.html": HTML, "r/tree.svg": SVG, "m.csv": CSV}.items():
        blob = storage.save([content], limit=len(content))
        Artifact.objects.create(version=version, path=path, size=blob.size, sha256=blob.sha256)
    return version


def browser_of(user: User) -> Client:
    return sign_in(Client(), user)


def address(version: ModelVersion, *more: object) -> str:
    parts = ["/models", version.model.name, "versions", version.number, "card/reports", *more]
    return "/".join(map(str, parts))


def shown(card: CardRevision | None) -> tuple[Any, Any]:
    assert card is not None
    return (
        documents.value_at(card.content, services.GRAPHICS),
        documents.value_at(card.content, services.REPORTS),
    )


def added(version: ModelVersion, by: User, path: str) -> ReportFile:
    services.add(version, by=by, keys=[f"version:{path}"])
    return version.report_files.get(path=path)


def test_what_evaluations_write_comes_on_the_card_by_itself_and_once(
    trained: ModelVersion, tracking: Tracking, data_scientist: User
) -> None:
    pictures, reports = shown(services.collect(trained))
    today = trained.report_files.all()[0].read_at.date().isoformat()
    assert pictures == [
        {
            "title": "Confusion matrix",
            "attachment_id": "run:plots/confusion_matrix.png",
            "sha256": sha(PNG),
            "media_type": "image/png",
        }
    ]
    assert reports == [
        {"title": title, "attachment_id": key, "sha256": digest, "dated": today, "kind": kind}
        for title, key, digest, kind in [
            ("Per class metrics", "run:per_class_metrics.csv", sha(CSV), "CSV table"),
            ("Report", "run:report.html", sha(HTML), "HTML"),
        ]
    ]
    assert services.collect(trained) is None
    # What somebody took off the card stays off; another content of the same file is new.
    newest = queries.current_card(trained)
    cards.edit_card(
        trained,
        by=data_scientist,
        changes={services.GRAPHICS: None, services.REPORTS: [{**reports[1], "title": "Mine"}]},
        base_revision=newest.number,
    )
    tracking.put(f"{tracking.experiment}/{trained.source_run_id}/artifacts/report.html", b"<p>2")
    pictures, reports = shown(services.collect(trained))
    assert (pictures, [(row["title"], row["sha256"]) for row in reports]) == (
        None,
        [("Mine", sha(b"<p>2"))],
    )


def test_a_report_stays_as_it_was_and_says_what_became_of_the_run(
    trained: ModelVersion, tracking: Tracking, data_scientist: User, viewer: User, settings: Any
) -> None:
    services.collect(trained)
    file = trained.report_files.get(path="report.html")
    client = browser_of(viewer)
    page = address(trained, file.pk)

    def said() -> str:
        return client.post(page, {"do": "compare"}).content.decode()

    assert "The run has the same file now" in said()
    root = f"{tracking.experiment}/{trained.source_run_id}/artifacts"
    tracking.put(f"{root}/report.html", b"<p>Other figures")
    then = f"The card shows it as it was on {file.read_at:%d %B %Y}."
    answer = said()
    assert ("was altered since: it has another digest now." in answer, then in answer) == (
        True,
        True,
    )
    tracking.call("POST", "runs/delete", {"run_id": trained.source_run_id})
    shown_still = client.get(address(trained, file.pk, "frame"), headers=FRAMED)
    assert b"".join(shown_still.streaming_content) == HTML
    settings.MLGOV_TRACKING_URL = "unix:/nowhere/at-all.sock"
    answer = said()
    assert ("does not answer" in answer, then in answer) == (True, True)
    # The list to pick from is there without the run as well.
    listed = browser_of(data_scientist).get(address(trained))
    assert (listed.status_code, b"does not answer" in listed.content) == (200, True)


def test_people_pick_files_of_the_run_and_of_the_version_from_a_list(
    trained: ModelVersion, data_scientist: User, viewer: User
) -> None:
    client = browser_of(data_scientist)
    listed = client.get(address(trained)).content.decode()
    offered = [
        path in listed
        for path in ("run:notes.txt", "run:customers.csv", "run:plots/confusion", "MLmodel", ".pkl")
    ]
    assert offered == [True, True, True, False, False]
    answer = client.post(address(trained), {"file": ["run:notes.txt", "run:customers.csv"]})
    assert answer["Location"].endswith("/versions/1#card-evaluation")
    card = queries.current_card(trained)
    _, reports = shown(card)
    assert [row["attachment_id"] for row in reports] == ["run:notes.txt", "run:customers.csv"]
    assert (card.author, card.reason) == (data_scientist, "Added notes.txt, customers.csv")
    assert browser_of(viewer).post(address(trained), {"file": "run:notes.txt"}).status_code == 403
    for key, refusal in {
        "run:fake.png": Invalid,
        "run:shap_explainer.pkl": Invalid,
        "run:../report.html": NotFound,
        "run:nothing.html": NotFound,
        "version:nothing.html": NotFound,
        "elsewhere:report.html": Invalid,
        "": Invalid,
    }.items():
        with pytest.raises(refusal):
            services.add(trained, by=data_scientist, keys=[key])
        assert client.post(address(trained), {"file": key}).status_code in (404, 422)
    with pytest.raises(Invalid, match="Choose one to 20 files"):
        services.add(trained, by=data_scientist, keys=[])
    assert queries.current_card(trained) == card


def test_a_run_of_others_is_neither_listed_nor_copied(
    trained: ModelVersion, tracking: Tracking, data_scientist: User
) -> None:
    secret = str(tracking.upstream.create_experiment("of-nobody-else", {}))
    body = {"experiment_id": secret, "start_time": 1}
    run_id = tracking.call("POST", "runs/create", body)["run"]["info"]["run_id"]
    tracking.put(f"{secret}/{run_id}/artifacts/secret.html", HTML)
    ModelVersion.objects.filter(pk=trained.pk).update(source_run_id=run_id)
    trained.refresh_from_db()
    listed = browser_of(data_scientist).get(address(trained)).content.decode()
    assert ("secret" in listed, "not one of yours" in listed) == (False, True)
    with pytest.raises(NotFound):
        services.add(trained, by=data_scientist, keys=["run:secret.html"])


def test_a_digest_on_the_card_opens_no_file_of_another_project(
    stored: ModelVersion, data_scientist: User
) -> None:
    owner = factories.make_user("elsewhere")
    foreign = factories.make_stored_version(
        factories.make_model(factories.make_project("foreign", owner=owner)), by=owner
    )
    blob = storage.save([PNG], limit=len(PNG))
    Artifact.objects.create(version=foreign, path="x.png", size=blob.size, sha256=blob.sha256)
    file = added(foreign, owner, "x.png")
    cards.edit_card(
        stored,
        by=data_scientist,
        changes={services.GRAPHICS: [{"title": "Theirs", "sha256": blob.sha256}]},
        base_revision=queries.current_card(stored).number,
    )
    client = browser_of(data_scientist)
    page = client.get(f"/models/{stored.model.name}/versions/1").content.decode()
    assert ("Theirs" in page, "report-picture" in page) == (True, False)
    for version in (stored, foreign):
        answer = client.get(address(version, file.pk, "picture"))
        assert answer.status_code == 404


def test_everything_is_served_so_that_it_reaches_neither_mlgov_nor_anybody_else(
    stored: ModelVersion, data_scientist: User, viewer: User
) -> None:
    html, svg = (added(stored, data_scientist, path) for path in ("r/report.html", "r/tree.svg"))
    client = browser_of(viewer)
    page = client.get(f"/models/{stored.model.name}/versions/1").content.decode()
    assert f'src="{address(stored, html.pk, "frame")}"' in page
    assert ('sandbox=""' in page, "document.title" in page) == (True, False)
    frame = client.get(address(stored, html.pk, "frame"), headers=FRAMED)
    picture = client.get(address(stored, svg.pk, "picture"))
    file = client.get(address(stored, html.pk, "file"))
    told = {
        name: (answer["Content-Type"], answer["Content-Security-Policy"].split(";")[0])
        for name, answer in {"frame": frame, "picture": picture, "file": file}.items()
    }
    assert told == {
        "frame": ("text/html; charset=utf-8", "sandbox"),
        "picture": ("image/svg+xml", "sandbox"),
        "file": ("application/octet-stream", "sandbox"),
    }
    for answer in (frame, picture, file):
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cache-Control"] == "private, no-store"
    assert (frame["X-Frame-Options"], frame["Connection-Allowlist"]) == ("SAMEORIGIN", "()")
    assert picture["Content-Disposition"] == 'attachment; filename="tree.svg"'
    # By itself in a window it could pass for a page of mlgov.
    alone = client.get(address(stored, html.pk, "frame"), headers={"Sec-Fetch-Dest": "document"})
    assert (alone.status_code, alone["Location"]) == (302, address(stored, html.pk))
    for form in ("picture", "anything"):
        assert client.get(address(stored, html.pk, form)).status_code == 404
    stranger = browser_of(factories.make_user("stranger"))
    for more in ((), ("frame",), ("file",)):
        assert stranger.get(address(stored, html.pk, *more)).status_code == 404


def test_scripts_run_only_after_somebody_asked_for_that(
    stored: ModelVersion, data_scientist: User, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    html, table = (added(stored, data_scientist, path) for path in ("r/report.html", "m.csv"))
    client, page = browser_of(viewer), address(stored, html.pk)
    assert b"Run this report" in client.get(page).content
    ticket = client.post(page, {"do": "run"}).context["ticket"]
    frame = f"{page}/frame?run={ticket}"
    running = client.get(frame, headers=FRAMED)["Content-Security-Policy"]
    assert running.startswith("sandbox allow-scripts;")
    assert "connect-src 'none'" in running
    assert "allow-same-origin" not in running
    # No link from elsewhere does it, and neither does the ticket of somebody else.
    assert client.get(frame)["Location"] == page
    assert browser_of(data_scientist).get(frame, headers=FRAMED).status_code == 404
    assert client.get(f"{page}/frame?run=other", headers=FRAMED).status_code == 404
    assert client.post(address(stored, table.pk), {"do": "run"}).context["ticket"] == ""
    monkeypatch.setattr(django_settings.CONFIGURATION, "report_scripts", False)
    assert b"Run this report" not in client.get(page).content
    assert client.post(page, {"do": "run"}).context["ticket"] == ""
    assert client.get(frame, headers=FRAMED).status_code == 404


def test_an_altered_file_is_said_to_be_altered_and_not_shown(
    stored: ModelVersion, data_scientist: User
) -> None:
    files = [added(stored, data_scientist, p) for p in ("r/report.html", "r/tree.svg", "m.csv")]
    store = storages["artifacts"]
    for file in files:
        Path(store.path(storage.key_of(file.sha256))).write_bytes(b"<p>Better figures</p>")
    client = browser_of(data_scientist)
    html, svg, table = files
    for file in files:
        page = client.get(address(stored, file.pk)).content.decode()
        assert ("was altered since" in page, "Better figures" in page) == (True, False)
    frame = client.get(address(stored, html.pk, "frame"), headers=FRAMED)
    picture = client.get(address(stored, svg.pk, "picture"))
    assert (frame.status_code, b"was altered since" in frame.content) == (409, True)
    assert (picture.status_code, picture["Content-Type"]) == (409, "image/svg+xml")
    assert client.get(address(stored, table.pk, "file")).status_code == 409


def test_what_is_too_large_is_refused_before_it_is_kept(
    stored: ModelVersion, data_scientist: User, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "LARGEST", 10)
    with pytest.raises(TooLarge, match="is too large"):
        services.add(stored, by=data_scientist, keys=["version:r/report.html"])
    assert (services.collect(stored), stored.report_files.count()) == (None, 0)
    with pytest.raises(NotPermitted):
        services.add(stored, by=viewer, keys=["version:m.csv"])


@pytest.mark.parametrize(
    ("kind", "text", "heads", "first"),
    [
        ("csv", "a;b\n1;=2+3\n", ["a", "b"], ["1", "=2+3"]),
        ("csv", '"' + "x" * 140_000, [], None),
        ("json", '{"columns": ["x"], "data": [[NaN], ["\\ud800"]]}', ["x"], ["NaN"]),
        ("json", '[{"a": 1}, {"b": [2]}]', ["a", "b"], ["1", ""]),
        ("json", '{"yes": {"f1": 0.5}}', ["", "f1"], ["yes", "0.5"]),
        ("json", '{"auc": 0.9, "n": null}', ["Name", "Value"], ["auc", "0.9"]),
        ("json", "[" * 100_000, [], None),
        ("json", '{"columns": 1, "data": 2}', ["Name", "Value"], ["columns", "1"]),
        ("text", "a,b", [], None),
    ],
)
def test_rows_are_read_out_of_what_evaluations_write(
    kind: str, text: str, heads: list[str], first: list[str] | None
) -> None:
    found = tables.read(ReportKind(kind), text, is_whole=True)
    assert (found.heads, found.rows[0] if found.rows else None) == (heads, first)
    assert bool(found.text) is not bool(heads)


def test_only_so_many_rows_and_letters_are_shown() -> None:
    text = "a,b\n" + f"{'x' * 1000},1\n" * 1000
    found = tables.read(ReportKind.CSV, text, is_whole=True)
    assert (len(found.rows), len(found.rows[0][0]), found.is_whole) == (200, 301, False)
    records = "[" + ",".join(['{"a": 1}'] * 300) + "]"
    found = tables.read(ReportKind.JSON, records, is_whole=True)
    assert (len(found.rows), found.is_whole) == (200, False)
