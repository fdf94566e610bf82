import json

import pytest

from tests.serving import models
from tests.serving.asgi import ask

GOOD = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
SECRET = "Sec-ret-77"
ONE_FOR_EACH_ROW = (
    "dataframe_split must have one index value for each row of data; index may be left out."
)
HALF_A_PAIR = (
    "The body is not valid Unicode: a string has half of a surrogate pair (\\ud800 to \\udfff) "
    "without the other half."
)


def records(**changes):
    row = {name: value for name, value in {**GOOD, **changes}.items() if value != "absent"}
    return json.dumps({"dataframe_records": [row]}).encode()


def word(value):
    return json.dumps({"dataframe_records": [{"word": value}]}).encode()


def split(**fields):
    body = {"columns": list(GOOD), "data": [list(GOOD.values())], **fields}
    return json.dumps({"dataframe_split": body}).encode()


def test_predictions_are_those_of_the_model(iris_app):
    rows, model = models.iris()

    answer = ask(iris_app, body=models.as_request(rows))

    assert (answer.status, answer.json) == (200, {"predictions": model.predict(rows).tolist()})


@pytest.mark.parametrize("fields", [{"index": [7]}, {"index": None}, {}])
def test_an_index_of_as_many_values_as_rows_changes_nothing(iris_app, fields):
    answer = ask(iris_app, body=split(**fields))

    assert (answer.status, answer.json) == (200, {"predictions": [0]})


def test_a_character_beyond_the_first_plane_is_text(brittle_app):
    assert ask(brittle_app, body=word("\U0001f600")).json == {"predictions": [1]}


def test_half_a_surrogate_pair_is_refused_whatever_the_model_takes(brittle_app):
    answer = ask(brittle_app, body=word("\ud800"))

    assert (answer.status, answer.message) == (400, HALF_A_PAIR)


def test_csv_is_understood(iris_app):
    rows, model = models.iris()

    answer = ask(iris_app, body=rows.head(3).to_csv(index=False).encode(), content_type="text/csv")

    assert answer.json == {"predictions": model.predict(rows.head(3)).tolist()}


def test_answers_say_whose_they_are(iris_app):
    answer = ask(iris_app, body=records(), headers={"x-request-id": "r-1"})

    assert answer.headers | {"content-length": ""} == {
        "content-type": "application/json",
        "content-length": "",
        "x-request-id": "r-1",
        "x-content-type-options": "nosniff",
        "x-mlgov-model": "justice/Stra%C3%9Fe",
        "x-mlgov-version": "3",
        "x-mlgov-deployment": "12",
    }


def test_a_request_id_that_could_forge_a_log_line_is_replaced(iris_app):
    answer = ask(iris_app, body=records(), headers={"x-request-id": 'a"\n{"event": "ready"}'})

    assert len(answer.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (records(petal_width="absent"), "The input lacks column 'petal_width'."),
        (records(sepal_width=SECRET), "The values of column 'sepal_width' must be of type double."),
        (
            records(sepal_length=None),
            "The model rejects these values (ValueError). Missing values in column 'sepal_length'.",
        ),
        (f'{{"x": {SECRET}'.encode(), "The body is not valid JSON."),
        (b"\xff\xfe", "The body is not valid JSON."),
        (
            json.dumps({SECRET: 1}).encode(),
            "The body must be an object with exactly one of: "
            "dataframe_split, dataframe_records, instances, inputs.",
        ),
        (
            json.dumps({"dataframe_split": SECRET}).encode(),
            "dataframe_split must be an object with data and columns.",
        ),
        (
            json.dumps({"dataframe_split": {"columns": ["a"], "data": [[1, SECRET]]}}).encode(),
            "dataframe_split must have as many columns as each row has values.",
        ),
        (split(index=[0, 1, 2]), ONE_FOR_EACH_ROW),
        (split(index=[]), ONE_FOR_EACH_ROW),
        (split(index={"a": 1}), ONE_FOR_EACH_ROW),
        (split(index=SECRET), ONE_FOR_EACH_ROW),
        (split(index=[0, 1], data=5.0), ONE_FOR_EACH_ROW),
        (split(index=[0, 1, 2]).replace(b"index", rb"inde\u0078"), ONE_FOR_EACH_ROW),
        (split(index=[0, 1, 2]).decode().encode("utf-16"), ONE_FOR_EACH_ROW),
        (records(sepal_width=f"{SECRET}\ud800"), HALF_A_PAIR),
        (records(**{"\udfff": 1}), HALF_A_PAIR),
        (records(sepal_width="?").replace(b"?", b"\xed\xa0\x80"), HALF_A_PAIR),
        (b"[" * 50_000 + b"]" * 50_000, "The body is nested too deeply."),
    ],
)
def test_a_bad_request_is_400_with_the_reason_and_without_the_data(iris_app, body, message):
    answer = ask(iris_app, body=body, headers={"x-request-id": "r-1"})

    assert (answer.status, answer.message) == (400, message)
    assert set(answer.json) == {"error_code", "message", "request_id"}
    assert SECRET not in answer.body.decode()
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("value", "status", "message"),
    [
        ("crash", 500, "The model failed with RuntimeError."),
        ("reject", 400, "The model rejects these values (ValueError)."),
        ("object", 500, "The prediction cannot be written as JSON."),
    ],
)
def test_what_the_model_raises_is_not_passed_on(brittle_app, capsys, value, status, message):
    answer = ask(brittle_app, body=word(value))

    assert (answer.status, answer.message) == (status, message)
    everything = answer.body.decode() + capsys.readouterr().out
    assert "secret" not in everything
    assert "Traceback" not in everything


def test_what_is_no_number_leaves_as_null(brittle_app):
    answer = ask(brittle_app, body=word("nan"))

    assert answer.json == {"predictions": [None, 1.0]}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (None, "Send one of application/json, text/csv, application/vnd.apache.parquet."),
        (
            "application/x-www-form-urlencoded",
            "Send one of application/json, text/csv, application/vnd.apache.parquet.",
        ),
        ("application/json; charset=latin-1", "The content type must be plain UTF-8."),
    ],
)
def test_another_content_type_is_415(iris_app, kind, message):
    answer = ask(iris_app, body=records(), content_type=kind)

    assert (answer.status, answer.message) == (415, message)


@pytest.mark.parametrize("headers", [{"content-length": "100001"}, {}])
def test_a_body_over_the_limit_is_413_whether_announced_or_not(iris_app, headers):
    answer = ask(iris_app, body=[b"x" * 60_000, b"x" * 60_000], headers=headers)

    assert (answer.status, answer.message) == (413, "The body may have 100,000 bytes.")


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/", "/invocations/"])
def test_there_is_nothing_but_the_scoring_server(iris_app, path):
    assert ask(iris_app, path, method="GET").status == 404


def test_scoring_takes_post_only(iris_app):
    answer = ask(iris_app, method="GET")

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/ping", "/health", "/version", "/metrics"])
def test_operations_can_ask_how_it_is(iris_app, path):
    assert ask(iris_app, path, method="GET").status == 200


def test_metrics_count_requests_rows_and_refusals(iris_app):
    rows, _ = models.iris()
    ask(iris_app, body=models.as_request(rows.head(7)))
    ask(iris_app, body=b"{")
    ask(iris_app, "/ping", method="GET")

    text = ask(iris_app, "/metrics", method="GET").body.decode()

    labels = 'endpoint="arrests",model_name="justice/Straße",model_version="3"'
    assert f'mlgov_inference_requests_total{{code="200",{labels}}} 1.0' in text
    assert f'mlgov_inference_requests_total{{code="400",{labels}}} 1.0' in text
    assert f"mlgov_inference_rows_total{{{labels}}} 7.0" in text
    assert f"mlgov_inference_in_flight{{{labels}}} 0.0" in text
    assert f"mlgov_inference_request_duration_seconds_count{{{labels}}} 2.0" in text
    assert 'mlgov_model_info{deployment="12",digest="sha256:ab"' in text


def test_the_log_has_a_line_for_each_request_and_nothing_of_its_data(brittle_app, capsys):
    ask(brittle_app, body=word(SECRET), headers={"x-request-id": "r-9"})
    ask(brittle_app, "/ping", method="GET")

    (line,) = capsys.readouterr().out.splitlines()
    logged = json.loads(line)
    assert {name: logged[name] for name in logged if name not in ("time", "ms")} == {
        "event": "request",
        "request_id": "r-9",
        "method": "POST",
        "path": "/invocations",
        "status": 200,
        "bytes_in": len(word(SECRET)),
        "bytes_out": len(b'{"predictions": [10]}'),
        "model": "justice/Straße",
        "version": "3",
        "deployment": "12",
    }
