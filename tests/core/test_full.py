"""A database on a disk that is really full, met by a page, the REST API and MLflow's client."""

import errno
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg.errors
import pytest
from django.db import connection
from django.db.utils import OperationalError
from django.http import HttpResponse
from django.test import Client

from apps.accounts import services as accounts
from apps.accounts.models import AccessToken, User
from apps.audit.models import AuditEvent
from apps.core import full
from apps.core.errors import Invalid, Unavailable
from apps.projects.models import Project
from apps.registry.models import RegisteredModel
from tests.disks import Disk, small_disk

SENTENCE = "There is no room left on a disk of mlgov, so nothing was changed."


@pytest.fixture
def disk(
    transactional_db: None, data_scientist: User, settings: Any, tmp_path: Path
) -> Iterator[Disk]:
    """The database of this test, with all its rows, on a disk of eight megabytes."""
    if connection.vendor != "sqlite":
        pytest.skip("a PostgreSQL server has disks of its own")
    ours, home = connection.settings_dict["NAME"], tmp_path / "data"
    connection.close()
    with small_disk(home) as disk:
        # Not a copy of the file: some of the rows may still be in the log beside it.
        with (
            closing(sqlite3.connect(ours)) as source,
            closing(sqlite3.connect(home / "db.sqlite3")) as target,
        ):
            source.backup(target)
        settings.MLGOV_DATA_DIR = home
        connection.settings_dict["NAME"] = home / "db.sqlite3"
        try:
            yield disk
        finally:
            connection.close()
            connection.settings_dict["NAME"] = ours


class Visitor:
    """One person with a browser and a program."""

    def __init__(self, user: User) -> None:
        self.browser = Client(raise_request_exception=False)
        self.browser.force_login(user)
        _, secret = accounts.create_token(user, name="program", by=user)
        self.headers = {"Authorization": f"Bearer {secret}"}

    def page(self, **headers: str) -> HttpResponse:
        form = {"slug": "by-page", "name": "By page", "visibility": "private"}
        return self.browser.post("/projects/new", form, headers=headers)

    def rest(self) -> HttpResponse:
        return self._send("/api/v1/projects", {"slug": "by-rest", "name": "By REST"})

    def mlflow(self) -> HttpResponse:
        return self._send("/api/2.0/mlflow/registered-models/create", {"name": "by-mlflow"})

    def _send(self, path: str, body: dict[str, str]) -> HttpResponse:
        return Client(raise_request_exception=False).post(
            path, json.dumps(body), content_type="application/json", headers=self.headers
        )


def made() -> tuple[int, int, int, int]:
    return (
        Project.objects.filter(slug__in=("by-page", "by-rest")).count(),
        RegisteredModel.objects.filter(name="by-mlflow").count(),
        AuditEvent.objects.filter(action__in=("project.create", "model.create")).count(),
        AccessToken.objects.count(),
    )


# A process that has the database open meets its full disk when it writes, and one that opens it
# for the request already when it reads.
@pytest.mark.parametrize("is_open", [True, False])
def test_every_interface_says_that_the_disk_is_full_and_works_when_there_is_room(
    disk: Disk, data_scientist: User, is_open: bool
) -> None:
    visitor = Visitor(data_scientist)
    before = made()
    if not is_open:
        connection.close()
    disk.fill()
    answers = []
    for ask in (visitor.page, visitor.rest, visitor.mlflow):
        answers.append(ask())
        if not is_open:
            connection.close()
    page, rest, mlflow = answers

    assert (page.status_code, rest.status_code, mlflow.status_code) == (503, 503, 424)
    assert SENTENCE in page.content.decode()
    assert "Back" in page.content.decode()
    assert (rest.json()["code"], rest["Retry-After"]) == ("disk_full", "10")
    assert rest.json()["message"].startswith(SENTENCE)
    assert mlflow.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
    assert mlflow.json()["message"].startswith(SENTENCE)

    disk.make_room()
    assert made() == before

    # In this order, because whoever has several projects has to name one to MLflow's client.
    assert visitor.mlflow().status_code == 200
    assert (visitor.page().status_code, visitor.rest().status_code) == (302, 201)
    assert made() == (2, 1, before[2] + 3, before[3])


def test_who_only_reads_is_not_refused(disk: Disk, data_scientist: User) -> None:
    visitor = Visitor(data_scientist)
    assert AccessToken.objects.get().last_used_at is None
    disk.fill()

    assert visitor.browser.get("/projects").status_code == 200
    client = Client(raise_request_exception=False)
    assert client.get("/api/v1/projects", headers=visitor.headers).status_code == 200
    path = "/api/2.0/mlflow/registered-models/search"
    assert client.get(path, headers=visitor.headers).status_code == 200


def test_a_part_of_a_page_that_met_a_full_disk_is_told_in_the_page(
    disk: Disk, data_scientist: User
) -> None:
    visitor = Visitor(data_scientist)
    disk.fill()

    part = visitor.page(**{"HX-Request": "true"})

    assert (part.status_code, part["HX-Retarget"]) == (422, "#main")
    assert SENTENCE in part.content.decode()


def test_a_session_that_cannot_be_stored_is_told_as_what_it_is(
    disk: Disk, data_scientist: User, settings: Any
) -> None:
    visitor = Visitor(data_scientist)
    settings.SESSION_SAVE_EVERY_REQUEST = True
    disk.fill()

    page = visitor.browser.get("/projects")

    assert (page.status_code, SENTENCE in page.content.decode()) == (503, True)
    disk.make_room()
    assert visitor.browser.get("/projects").status_code == 200


def of_sqlite(message: str, name: str) -> OperationalError:
    beneath = sqlite3.OperationalError(message)
    beneath.sqlite_errorname = name
    error = OperationalError(message)
    error.__cause__ = beneath
    return error


def caused_by(error: BaseException) -> BaseException:
    above = RuntimeError("the rollback failed as well")
    above.__context__ = error
    return above


@pytest.mark.parametrize(
    ("error", "is_told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (psycopg.errors.DiskFull("could not extend file"), True),
        (psycopg.errors.OutOfMemory("out of memory"), False),
        (of_sqlite("database or disk is full", "SQLITE_FULL"), True),
        (of_sqlite("database is locked", "SQLITE_BUSY"), False),
        (caused_by(of_sqlite("database or disk is full", "SQLITE_FULL")), True),
        # There is room here, so the disk has another trouble, which nobody should look for there.
        (of_sqlite("disk I/O error", "SQLITE_IOERR_WRITE"), False),
        (Invalid("This is wrong."), False),
        (Unavailable("It says itself what is wrong."), False),
    ],
)
def test_only_a_full_disk_is_called_one(error: BaseException, is_told: bool) -> None:
    refusal = full.refusal_of(error)

    assert (refusal is not None) == is_told
    if refusal is not None:
        assert (refusal.code, refusal.message.startswith(SENTENCE)) == ("disk_full", True)


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first

    assert not full.is_full(first)
