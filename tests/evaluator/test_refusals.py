"""What keeps a report from being made is said in a sentence with a way out."""

import json
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from mlgov_evaluator import __main__ as program
from mlgov_evaluator import server
from mlgov_evaluator.job import Feature, Job

SCHEMA = Path(__file__).parents[2] / "apps/evaluations/schema/report-1.json"
ROWS = pd.DataFrame({"a": range(40), "b": [0.5] * 40, "label": [0, 1] * 20})


@pytest.fixture
def failure(tmp_path: Path, serve: Any) -> Any:
    """The failure of an evaluation as the program writes it; empty where there is none."""

    def of(answers: Any, data: pd.DataFrame | bytes = ROWS, **asked: Any) -> dict[str, str]:
        job = {"kind": "binary", "target": "label", "format": "csv", "resamples": 20, **asked}
        (tmp_path / "job.json").write_text(json.dumps(job))
        body = data if isinstance(data, bytes) else data.to_csv(index=False).encode()
        (tmp_path / "data").write_bytes(body)
        for earlier in ("report.json", "failure.json"):
            (tmp_path / earlier).unlink(missing_ok=True)
        status = program.main([str(tmp_path), serve(answers)])
        said = tmp_path / "failure.json"
        assert (status == 3) == said.exists()
        assert (status == 0) == (tmp_path / "report.json").exists()
        return json.loads(said.read_text()) if said.exists() else {}

    return of


def validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text()))


def right(rows: pd.DataFrame) -> list[int]:
    return [int(value) % 2 for value in rows["a"]]


@pytest.mark.parametrize(
    ("answers", "asked", "code", "sentence"),
    [
        (right, {"target": "truth"}, "project.no-target", "no column “truth”"),
        (right, {"cohorts": ["sex"]}, "project.column-missing", "no column “sex”"),
        (
            right,
            {"features": [{"name": "income", "type": "double"}]},
            "project.column-missing",
            "The model takes “income”",
        ),
        (right, {"positive": "yes"}, "project.no-positive", "positive label “yes”"),
        (lambda rows: [1] * 40, {"target": "a"}, "project.not-binary", "has 40 labels"),
        (right, {"target": "b"}, "project.one-class", "Every row of the data set has the label"),
        (right, {"max_rows": 10}, "project.too-many-rows", "has 40 rows"),
        (lambda rows: [1], {}, "model.wrong-length", "was given 40 rows and answered 1"),
        (lambda rows: "all good", {}, "model.answer-unreadable", "is no list but str"),
        (lambda rows: (200, b"]["), {}, "model.answer-unreadable", "is not JSON"),
        (lambda rows: (200, b"[" * 100_000), {}, "model.answer-unreadable", "is not JSON"),
        (
            lambda rows: (400, b'{"message": "Missing values in column b."}'),
            {},
            "model.refuses-rows",
            "refuses rows 1 to 40: Missing values in column b.",
        ),
        (lambda rows: ["maybe"] * len(rows), {}, "model.unknown-labels", "answers “maybe”"),
        (lambda rows: [None] * len(rows), {}, "model.unknown-labels", "answers “None”"),
        (lambda rows: [[0.1]] * 39 + [[0.1, 2]], {}, "model.", ""),
        (
            lambda rows: [{"x": 1, "y": 2}] * len(rows),
            {},
            "project.no-prediction-column",
            "several columns: “x”, “y”",
        ),
        (
            lambda rows: ["high"] * len(rows),
            {"kind": "regression"},
            "model.wrong-type",
            "no numbers: high",
        ),
        (
            lambda rows: (200, b"[" + b",".join([b"1e999"] * len(rows)) + b"]"),
            {"kind": "regression"},
            "model.wrong-type",
            "no finite numbers",
        ),
        (
            lambda rows: (200, b"[" + b",".join([b"9" * 4000] * len(rows)) + b"]"),
            {"kind": "regression"},
            "model.wrong-type",
            "no finite numbers",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    failure: Any, answers: Any, asked: dict[str, Any], code: str, sentence: str
) -> None:
    found = failure(answers, **asked)

    assert found["code"].startswith(code)
    assert sentence in found["text"]
    assert found["remedy"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "project.data-unreadable"),
        (b"\xff\xfe\x00", "project.data-unreadable"),
        (b"a,label\n1,2\n1,2,3,4\n", "project.data-unreadable"),
        (b"a,label\n1,\n2,\n", "project.no-labels"),
    ],
)
def test_a_file_that_cannot_be_read_is_no_traceback(failure: Any, data: bytes, code: str) -> None:
    assert failure(right, data)["code"] == code


def test_json_records_are_read_and_something_else_is_not(failure: Any) -> None:
    records = ROWS.to_json(orient="records").encode()

    assert failure(right, records, format="json") == {}
    assert failure(right, b'{"a": [1]}', format="json")["code"] == "project.data-unreadable"


def test_parquet_is_read_as_values_and_something_else_is_not(failure: Any) -> None:
    seen: list[pd.DataFrame] = []

    def note(rows: pd.DataFrame) -> list[int]:
        seen.append(rows)
        return right(rows)

    written = BytesIO()
    rows = ROWS.assign(place=pd.Categorical(["01069", "x"] * 20), when=pd.Timestamp("2026-11-22"))
    rows.set_index("b").reset_index().to_parquet(written)

    assert failure(note, written.getvalue(), format="parquet", cohorts=["place"]) == {}
    assert seen[0].loc[0].to_dict() == {
        "b": 0.5, "a": 0, "place": "01069", "when": "2026-11-22 00:00:00",
    }  # fmt: skip
    assert failure(right, b"PAR1 PAR1", format="parquet")["code"] == "project.data-unreadable"
    assert "40 rows" in failure(right, written.getvalue(), format="parquet", max_rows=5)["text"]


def test_an_answer_of_gigabytes_is_cut_off(failure: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(server, "MOST_BYTES_TAKEN", 1 << 20)

    found = failure(lambda rows: (200, b"1" * (2 << 20)))

    assert found["code"] == "model.answer-too-large"


def test_a_model_that_ends_while_it_predicts_is_said_to_have_died(failure: Any) -> None:
    def die(rows: pd.DataFrame) -> Any:
        raise ConnectionError

    assert failure(die)["code"] == "model.died"


def test_a_model_that_does_not_answer_is_given_up(failure: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(server, "ANSWER_SECONDS", 0.1)

    def wait(rows: pd.DataFrame) -> Any:
        threading.Event().wait(0.5)
        return right(rows)

    assert failure(wait)["code"] == "model.too-slow"


def test_gaps_are_sent_as_null_and_rows_without_a_label_left_out(failure: Any) -> None:
    seen: list[pd.DataFrame] = []

    def note(rows: pd.DataFrame) -> list[int]:
        seen.append(rows)
        return right(rows)

    rows = ROWS.assign(b=[None, *[0.5] * 39], label=[*[0, 1] * 19, None, None])

    assert failure(note, rows) == {}
    assert seen[0]["b"].isna().tolist() == [True] + [False] * 37


def test_text_that_looks_like_a_number_is_sent_as_text(tmp_path: Path, failure: Any) -> None:
    seen: list[pd.DataFrame] = []

    def note(rows: pd.DataFrame) -> list[int]:
        seen.append(rows)
        return [0, 1] * (len(rows) // 2) + [0] * (len(rows) % 2)

    rows = ROWS.assign(postcode=["01069"] * 40)
    features = [{"name": "postcode", "type": "string"}, {"name": "gone", "required": False}]

    assert failure(note, rows, features=features) == {}
    assert seen[0].to_dict("list") == {"postcode": ["01069"] * 40}


def test_a_job_is_read_with_its_features(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text(
        json.dumps(
            {
                "kind": "regression",
                "target": "t",
                "format": "csv",
                "features": [{"name": "a", "type": "double"}],
                "cohorts": ["c"],
            }
        )
    )

    assert Job.read(path) == Job(
        "regression", "t", "csv", (Feature("a", "double"),), cohorts=("c",)
    )


def test_records_beyond_the_first_add_no_columns_and_odd_names_become_printable(
    tmp_path: Path, failure: Any
) -> None:
    rows = [{"a": n, "group": "x\u0000", "label": n % 2} for n in range(40)]
    rows[5]["\u0000"] = 1

    assert failure(right, json.dumps(rows).encode(), format="json", cohorts=["group"]) == {}
    made = json.loads((tmp_path / "report.json").read_text())
    assert [each["name"] for each in made["cohorts"][0]["groups"]] == ["x�"]
    assert validator().is_valid(made)


def test_no_records_are_no_data(failure: Any) -> None:
    assert failure(right, b"[]", format="json")["code"] == "project.data-unreadable"
