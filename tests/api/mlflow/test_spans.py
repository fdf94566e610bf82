"""Spans that clients export in OpenTelemetry's format: to which traces they may be added."""

import gzip
import json
import uuid
import zlib
from typing import Any

import pytest

from apps.accounts.models import User
from apps.api.mlflow import spans
from apps.core.errors import Invalid, TooLarge
from apps.tracking import queries, services
from tests import otlp
from tests.api.mlflow.conftest import Call
from tests.tracking import Tracking

PROTOBUF = {"Content-Type": otlp.PROTOBUF}


@pytest.fixture
def export(call: Call) -> Any:
    """`export(user, experiment, content)`: the answer to an export."""

    def send(user: User, experiment: str, content: bytes, **headers: str) -> Any:
        given = {"HTTP_X_MLFLOW_EXPERIMENT_ID": experiment, **headers}
        given.setdefault("CONTENT_TYPE", otlp.PROTOBUF)
        return call(user, "POST", "/v1/traces", body=content, **given)

    return send


def test_spans_go_into_an_experiment_that_one_may_write_to(
    export: Any, tracking: Tracking, data_scientist: User, viewer: User, stranger: User
) -> None:
    trace_id = f"tr-{uuid.uuid4().hex}"

    assert export(stranger, tracking.experiment, otlp.export()).status_code == 404
    assert export(viewer, tracking.experiment, otlp.export()).status_code == 403
    assert export(data_scientist, tracking.experiment, otlp.export(trace_id)).status_code == 200
    assert queries.experiment_id_of_trace(trace_id) == tracking.experiment


def test_spans_of_no_experiment_go_into_the_default_one(
    export: Any, tracking: Tracking, data_scientist: User
) -> None:
    trace_id = f"tr-{uuid.uuid4().hex}"

    answer = export(data_scientist, "0", otlp.export(trace_id))

    default = services.default_experiment(data_scientist)
    assert answer.status_code == 200
    assert queries.experiment_id_of_trace(trace_id) == default.experiment_id


def test_spans_are_not_added_to_traces_of_others(
    export: Any, tracking: Tracking, data_scientist: User, stranger: User
) -> None:
    theirs, own = tracking.make_trace(), f"tr-{uuid.uuid4().hex}"

    for content in (otlp.export(theirs), otlp.export(own, theirs)):
        assert export(stranger, "0", content).status_code == 404
        packed = gzip.compress(content)
        answer = export(stranger, "0", packed, HTTP_CONTENT_ENCODING="gzip")
        assert answer.status_code == 404
    assert export(data_scientist, "0", otlp.export(theirs)).status_code == 200


def test_a_run_of_others_is_not_linked(
    export: Any, tracking: Tracking, data_scientist: User, stranger: User
) -> None:
    run_id = tracking.make_run()["info"]["run_id"]

    for user, status in ((stranger, 404), (data_scientist, 200)):
        answer = export(user, "0", otlp.export(), HTTP_X_MLFLOW_RUN_ID=run_id)
        assert answer.status_code == status


def test_spans_do_not_say_where_the_data_of_a_trace_lies(
    export: Any, tracking: Tracking, data_scientist: User
) -> None:
    content = otlp.export(**{"mlflow.traceTag.mlflow.artifactLocation": "s3://elsewhere"})

    assert export(data_scientist, "0", content).status_code == 400


def test_every_spelling_is_read_and_sent_unpacked() -> None:
    ids = {f"tr-{uuid.uuid4().hex}", f"tr-{uuid.uuid4().hex}"}
    content = otlp.export(*ids, a="b")

    for packed, encoding in (
        (content, ""),
        (gzip.compress(content), "gzip"),
        (zlib.compress(content), "deflate"),
    ):
        read = spans.read(packed, {**PROTOBUF, "Content-Encoding": encoding})
        assert (read.content, read.trace_ids, read.attributes) == (content, ids, {"a"})

    trace_id = uuid.uuid4().hex
    span = {"traceId": trace_id.upper(), "attributes": [{"key": "a"}]}
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    read = spans.read(json.dumps(document).encode(), {"Content-Type": "application/json"})
    assert (read.trace_ids, read.attributes) == ({f"tr-{trace_id}"}, {"a"})


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"\x0a\xff", PROTOBUF),
        (b"\x0b", PROTOBUF),
        (b"\x00", PROTOBUF),
        (b"\xff" * 20, PROTOBUF),
        (otlp.export()[:-3], PROTOBUF),
        (b"{}", {"Content-Type": "text/plain"}),
        (b"{", {"Content-Type": "application/json"}),
        (b'{"resourceSpans": 1}', {"Content-Type": "application/json"}),
        (b'{"resource_spans": []}', {"Content-Type": "application/json"}),
        (
            b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"trace_id": "AA=="}]}]}]}',
            {"Content-Type": "application/json"},
        ),
        (
            b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}',
            {"Content-Type": "application/json"},
        ),
        (b"not packed", {**PROTOBUF, "Content-Encoding": "gzip"}),
        (gzip.compress(b"ab", mtime=0)[:-4], {**PROTOBUF, "Content-Encoding": "gzip"}),
        (gzip.compress(b"ab", mtime=0) * 2, {**PROTOBUF, "Content-Encoding": "gzip"}),
        (b"x", {**PROTOBUF, "Content-Encoding": "br"}),
    ],
)
def test_what_is_no_export_is_refused(content: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        spans.read(content, headers)


def test_what_unpacks_to_more_than_fits_is_refused() -> None:
    bomb = gzip.compress(bytes(spans.LARGEST + 1))

    with pytest.raises(TooLarge):
        spans.read(bomb, {**PROTOBUF, "Content-Encoding": "gzip"})
