import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from apps.cards.formats import registry
from apps.cards.formats.fitting import faults
from apps.core.digests import canonical_json
from apps.core.errors import DomainError, Invalid, NotFound, TooLarge
from tests.cards.documents import documents, example, full

MOMENT = "Write it as a date and time, such as 2026-01-31T09:30:00+00:00."


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents)
def test_any_valid_document_survives_export_and_import(document: dict[str, Any]) -> None:
    assert faults(document) == {}

    exported = registry.export("json", document)
    imported = registry.read("json", exported.content)

    assert canonical_json(imported.document) == canonical_json(document)
    assert (exported.lost, exported.altered, imported.kept) == ((), (), False)


def test_the_file_is_the_spelling_that_the_digest_is_taken_of() -> None:
    exported = registry.export("json", {"schema_version": "1", "overview": {"name": "é"}})

    assert exported.content == '{"overview":{"name":"é"},"schema_version":"1"}'.encode()
    assert (exported.media_type, exported.suffix) == ("application/json", ".card.json")


def test_fields_that_the_card_does_not_have_are_kept_aside() -> None:
    document = example()
    document["overview"]["colour"] = "blue"
    document["data"]["datasets"][0]["owner"] = {"name": "Ada"}
    document["notes"] = ["by hand"]

    imported = registry.read("json", canonical_json(document))

    assert imported.kept
    assert imported.document == example() | {
        "custom": {
            "values": {
                "imported": {
                    "json": {
                        "/notes": ["by hand"],
                        "/overview/colour": "blue",
                        "/data/datasets/0/owner": {"name": "Ada"},
                    }
                }
            }
        }
    }
    assert faults(imported.document) == {}


@pytest.mark.parametrize(
    ("section", "field", "value", "sentence"),
    [
        ("overview", "summary", "short", "Write at least 20 characters."),
        ("overview", "summary", "x" * 501, "501 characters are too many; 500 fit."),
        ("use", "intended_users", "analysts", "This has to be a list."),
        ("use", "intended_users", [], "Name at least 1."),
        ("use", "decision_role", "alone", "Choose one of informs-a-person, recommends, "
         "decides-with-appeal, decides-alone."),
        ("overview", "registered_at", "yesterday", MOMENT),
        ("overview", "registered_at", "2026-13-01T00:00:00Z", MOMENT),
        ("operations", "review_due", "31.1.2026", "Write it as a date, such as 2026-01-31."),
        ("operations", "review_due", "2026-02-30", "Write it as a date, such as 2026-01-31."),
        ("provenance", "total_size", -1, "This has to be 0 or more."),
        ("operations", "review_due", "20260131", "Write it as a date, such as 2026-01-31."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_its_place_and_what_to_do(
    section: str, field: str, value: Any, sentence: str
) -> None:
    document = example()
    document.setdefault(section, {})[field] = value

    with pytest.raises(Invalid) as refusal:
        registry.read("json", canonical_json(document))

    assert refusal.value.details == {f"/{section}/{field}": sentence}
    assert refusal.value.message == f"“/{section}/{field}”: {sentence} Correct the file."


def test_what_is_missing_within_a_value_is_named() -> None:
    document = example()
    document["overview"]["owner"] = {"role": "x"}

    with pytest.raises(Invalid, match="“/overview/owner/name”: Fill this in"):
        registry.read("json", canonical_json(document))


BAD: dict[str, tuple[bytes, type[DomainError], str]] = {
    "nothing": (b"", Invalid, "not JSON"),
    "no json": (b"{'a': 1}", Invalid, "line 1, column 2"),
    "cut off": (b'{"a": ', Invalid, "not JSON"),
    "not utf-8": (b'{"a": "\xff"}', Invalid, "UTF-8"),
    "utf-16": ('{"a": 1}'.encode("utf-16"), Invalid, "UTF-8"),
    "a list": (b"[]", Invalid, "has to be|is a JSON object"),
    "null": (b"null", Invalid, "is a JSON object"),
    "NaN": (b'{"a": NaN}', Invalid, "NaN"),
    "Infinity": (b'{"a": -Infinity}', Invalid, "-Infinity"),
    "too large a number": (b'{"a": {"b": 1e999}}', Invalid, "“/a/b” is not a finite number"),
    "too many digits": (b'{"a": ' + b"9" * 5000 + b"}", Invalid, "number"),
    "twice": (b'{"a": 1, "a": 2}', Invalid, "“a” stands twice"),
    "nul": (rb'{"a": ["\u0000"]}', Invalid, "“/a/0” holds a NUL"),
    "nul in a key": (rb'{"a": {"\u0000": 1}}', Invalid, "“/a” holds a NUL"),
    "half a character": (rb'{"a": "\ud800"}', Invalid, "“/a” holds half a character"),
    "half a key": (rb'{"\ud800": {"b": 1}}', Invalid, "holds half a character"),
    "deep": (b'{"a":' * 60 + b"1" + b"}" * 60, Invalid, "levels deep"),
    "very deep": (b"[" * 200_000, Invalid, "levels deep|not JSON"),
    "too long": (b'"' + b"x" * 2_000_001 + b'"', TooLarge, "2,000,000 fit"),
    "too many": (b"[" + b"1," * 400_000 + b"1]", TooLarge, "more than 100,000 values"),
    "another format": (b'{"bomFormat": "CycloneDX"}', Invalid, "“schema_version” is missing"),
    "another version": (
        b'{"schema_version": "2", "overview": {}}', Invalid, "/schema_version.*has to be “1”",
    ),
    "no section": (b'{"schema_version": "1", "overview": []}', Invalid, "/overview.*an object"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_card_is_refused_in_words(name: str) -> None:
    content, kind, words = BAD[name]

    with pytest.raises(kind, match=words) as refusal:
        registry.read("json", content)

    refusal.value.message.encode()
    json.dumps(refusal.value.details)


def test_a_file_with_a_byte_order_mark_is_read() -> None:
    content = registry.export("json", example()).content

    assert registry.read("json", b"\xef\xbb\xbf" + content).document == example()


def test_a_format_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(NotFound, match=r"no format “docx”\. There are: json, huggingface"):
        registry.export("docx", example())


def test_the_full_document_fills_each_field() -> None:
    assert faults(full()) == {}
