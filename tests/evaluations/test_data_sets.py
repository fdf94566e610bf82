"""Data sets are looked at before they are stored."""

import io
from typing import Any

import pandas as pd
import pytest

from apps.accounts.models import User
from apps.core.errors import AlreadyExists, Invalid, NotPermitted, TooLarge
from apps.evaluations import intake, services
from apps.evaluations.models import EvaluationDataSet
from apps.projects.models import Project
from apps.registry import storage
from tests.evaluations.conftest import CSV, upload

pytestmark = pytest.mark.django_db


def parquet(columns: dict[str, list[Any]], **options: Any) -> bytes:
    written = io.BytesIO()
    pd.DataFrame(columns).to_parquet(written, **options)
    return written.getvalue()


@pytest.fixture
def member(data_scientist: User) -> User:
    return data_scientist


def test_a_file_is_kept_under_its_digest_with_its_columns(project: Project, member: User) -> None:
    made = upload(project, member)

    assert (made.columns, made.size) == (["a", "region", "sex", "label"], len(CSV))
    with storage.open_blob(made.sha256) as file:
        assert file.read() == CSV


def test_records_name_their_columns(project: Project, member: User) -> None:
    made = upload(project, member, b'[{"a": 1, "b": "\xc3\xbc"}]', filename="x.JSON")

    assert (made.format, made.columns) == ("json", ["a", "b"])


def test_parquet_names_its_columns_in_its_footer(project: Project, member: User) -> None:
    columns = {f"Spalte {n} für alle": [1, 2] for n in range(200)}

    made = upload(project, member, parquet(columns, row_group_size=1), filename="x.parquet")

    assert (made.format, made.columns) == ("parquet", list(columns))


@pytest.mark.parametrize(
    ("content", "filename", "sentence"),
    [
        (b"", "a.csv", "empty"),
        (b"PAR1" + b"\xff" * 20 + b"\x10\x00\x00\x00PAR1", "a.parquet", "read as Parquet"),
        (b"a,b\n1,2\n", "a.parquet", "read as Parquet"),
        (parquet({"a": [[1, 2]], "b": [1]}), "a.parquet", "“a” holds lists"),
        (parquet({"a": [], "b": []}), "a.parquet", "no rows"),
        (parquet({"a": [0] * 200_001, "b": [0] * 200_001}), "a.parquet", "200,001 rows"),
        (b"a,b\n1,2\n", "a.pkl", "neither .csv nor .json"),
        (b"\x80\x04\x95", "a.csv", "no UTF-8"),
        (b"a,b\n", "a.csv", "no rows below"),
        (b"a;b\n1;2\n", "a.csv", "fewer than two columns"),
        (b"a,\n1,2\n", "a.csv", "Column 2 of the file has no name"),
        (b"a,a\n1,2\n", "a.csv", "two columns of the name “a”"),
        (b"a,b\x07\n1,2\n", "a.csv", "not printable"),
        (b",".join(b"c%d" % n for n in range(501)) + b"\n1\n", "a.csv", "has 501 columns"),
        (b'a,"b\n' + b"x" * 200_000, "a.csv", "cannot be read as CSV|no rows below"),
        (b'{"a": 1}', "a.json", "no list"),
        (b"[1, 2]", "a.json", "no objects"),
        (b"[", "a.json", "first record is no JSON"),
        (b"[" + b'{"a":' * 50_000, "a.json", "no JSON"),
    ],
)
def test_what_is_no_table_is_refused_in_words(
    project: Project, member: User, content: bytes, filename: str, sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        upload(project, member, content, filename=filename)
    assert not EvaluationDataSet.objects.exists()


def test_a_name_is_taken_once_in_any_case_of_letters(project: Project, member: User) -> None:
    first = upload(project, member)
    with pytest.raises(AlreadyExists):
        upload(project, member, name="Holdout")

    services.withdraw_data_set(first, by=member, reason="")
    assert upload(project, member).pk != first.pk


def test_what_is_too_large_is_refused_before_it_is_read(project: Project, member: User) -> None:
    class Unread(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("nobody reads it")

    with pytest.raises(TooLarge, match="takes 50"):
        services.upload_data_set(
            project,
            name="x",
            file=Unread(),
            filename="x.csv",
            size=intake.MOST_BYTES + 1,
            by=member,
        )


def test_a_viewer_uploads_nothing(project: Project, viewer: User) -> None:
    with pytest.raises(NotPermitted):
        upload(project, viewer)
