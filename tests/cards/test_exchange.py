import json
import sys

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.cards import documents, exchange, queries, services
from apps.cards.formats import registry
from apps.core.errors import Invalid, NotPermitted
from apps.registry.models import ModelVersion, RegisteredModel
from apps.runs.services import execute
from tests import factories

USE = "/use/intended_use"


@pytest.fixture
def described(version: ModelVersion, data_scientist: User) -> ModelVersion:
    services.edit_card(
        version,
        by=data_scientist,
        changes={USE: "To sort <b>loans</b>.", "/overview/license": "MIT"},
        base_revision=1,
    )
    return version


@pytest.fixture
def browser(data_scientist: User) -> Client:
    client = Client()
    client.force_login(data_scientist)
    return client


def page(version: ModelVersion, *more: str) -> str:
    return "/".join([f"/models/{version.model.name}/versions/{version.number}/card", *more])


@pytest.mark.parametrize(
    "key", [key for key, found in registry.FORMATS.items() if not found.in_worker]
)
def test_each_format_is_a_file_with_a_name(
    described: ModelVersion, browser: Client, key: str
) -> None:
    answer = browser.get(page(described, "exports", key))
    assert (answer.status_code, bool(answer.content)) == (200, True)
    suffix = registry.FORMATS[key].suffix
    assert f'filename="scoring-v1-r2{suffix}"' in answer["Content-Disposition"]
    assert "sandbox" in answer["Content-Security-Policy"]


def test_a_format_that_there_is_not_is_named(described: ModelVersion, browser: Client) -> None:
    answer = browser.get(page(described, "exports", "word"))
    assert (answer.status_code, b"cyclonedx" in answer.content) == (404, True)


def test_a_worker_writes_the_pdf_once_for_each_revision(
    described: ModelVersion, browser: Client, data_scientist: User
) -> None:
    pytest.importorskip("weasyprint")
    assert browser.get(page(described, "exports", "pdf")).status_code == 404
    browser.post(page(described, "exports", "pdf"))
    row = {"HX-Request": "true", "HX-Target": "format-pdf"}
    waiting = browser.get(page(described, "exports"), headers=row).content.decode()
    # What is asked again and again is about the PDF alone.
    assert ("every 2s" in waiting, waiting.count("<tr"), "CycloneDX" in waiting) == (True, 1, False)
    assert waiting.strip() in browser.get(page(described, "exports")).content.decode()
    rest = APIClient()
    rest.force_authenticate(data_scientist)
    address = f"/api/v1/models/{described.model.name}/versions/{described.number}/card/exports"
    assert rest.get(f"{address}/pdf").status_code == 404
    card = queries.current_card(described)
    (started,) = card.exports.all()
    asked = rest.post(f"{address}/pdf").json()
    assert (asked["is_written"], asked["run"]["id"]) == (False, started.run_id)
    execute(started.run_id)
    assert rest.get(f"{address}/pdf").getvalue()[:5] == b"%PDF-"
    assert [row["format"] for row in rest.get(address).json() if row["run"]] == ["pdf"]
    assert "every 2s" not in browser.get(page(described, "exports"), headers=row).content.decode()
    answer = browser.get(page(described, "exports", "pdf"))
    assert b"".join(answer.streaming_content)[:5] == b"%PDF-"  # type: ignore[attr-defined]
    assert exchange.start_export(card, "pdf", by=data_scientist) == started


def test_where_nothing_writes_a_pdf_the_page_says_what_to_install(
    described: ModelVersion, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    monkeypatch.delitem(sys.modules, "apps.cards.formats.pdf", raising=False)
    browser.post(page(described, "exports", "pdf"))
    (started,) = queries.current_card(described).exports.all()
    execute(started.run_id)

    shown = browser.get(page(described, "exports")).content.decode()
    assert "the worker needs mlgov&#x27;s extra “pdf” and the library Pango" in shown
    assert "Write it" in shown


def test_what_is_imported_waits_for_a_yes_and_takes_nothing_away(
    described: ModelVersion, model: RegisteredModel, browser: Client, data_scientist: User
) -> None:
    exported = exchange.export(queries.current_card(described), "json").content
    second = factories.make_version(model, by=data_scientist)
    services.edit_card(
        second, by=data_scientist, changes={"/overview/license": "GPL"}, base_revision=1
    )
    answer = browser.post(
        page(second, "import"),
        {"format": "json", "file": SimpleUploadedFile("card.json", exported)},
    )
    assert answer.status_code == 302
    card = queries.current_card(second)
    assert documents.value_at(card.content, "/overview/license") == "GPL"
    assert documents.value_at(card.content, USE) == "To sort <b>loans</b>."
    assert card.unconfirmed == {USE: "mlgov JSON (card.json)"}


def test_what_has_no_field_is_kept_beside_what_was_kept_before(
    described: ModelVersion, data_scientist: User
) -> None:
    custom = {"custom": {"values": {"ours": {"a": 1}}}}
    more = {"custom": {"values": {"ours": {"b": 2}, "theirs": 3}}}
    for document in (custom, more):
        content = json.dumps({"schema_version": "1", "overview": {}, **document}).encode()
        exchange.import_card(described, by=data_scientist, key="json", content=content)
    found = documents.value_at(queries.current_card(described).content, "/custom/values")
    assert found == {"ours": {"a": 1, "b": 2}, "theirs": 3}


@pytest.mark.parametrize("content", [b"", b"no json", b"[]", b'{"schema_version": "9"}', b"\xff"])
def test_a_file_of_something_else_is_refused_with_a_sentence(
    described: ModelVersion, browser: Client, content: bytes
) -> None:
    answer = browser.post(
        page(described, "import"),
        {"format": "json", "file": SimpleUploadedFile("x.json", content)},
    )
    assert answer.status_code == 422
    assert queries.current_card(described).number == 2


def test_a_format_that_is_only_written_is_not_read(
    described: ModelVersion, data_scientist: User
) -> None:
    with pytest.raises(Invalid, match="only written"):
        exchange.import_card(described, by=data_scientist, key="csv", content=b"a,b")


def test_importing_needs_the_right(described: ModelVersion, viewer: User) -> None:
    with pytest.raises(NotPermitted):
        exchange.import_card(described, by=viewer, key="json", content=b"{}")
