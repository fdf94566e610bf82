"""Projects whose runs and models lie on a tracking server of their own."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.core.errors import DomainError, Invalid, NotFound, NotPermitted, Unavailable
from apps.projects.models import Project
from apps.registry import ingest, queries, services
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.states import VersionState
from apps.tracking import services as tracking_services
from apps.tracking import upstream
from apps.tracking.files import Refused
from apps.tracking.models import TrackingAccess, TrackingServer
from tests.stores import AUTHORIZATION, Guarded
from tests.tracking import Tracking, work_once

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "sesame"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "PAUSES", (0, 0))


@pytest.fixture
def access(project: Project, team_server: TrackingServer, owner: User) -> TrackingAccess:
    return tracking_services.set_tracking_access(
        project, server=team_server, username="team", password=PASSWORD, by=owner
    )


def test_a_model_is_taken_over_from_the_projects_own_server_with_its_credentials(
    access: TrackingAccess,
    guarded: Guarded,
    team_server: TrackingServer,
    model: RegisteredModel,
    data_scientist: User,
    no_tracking: None,
) -> None:
    logged = guarded.tracking.log_model()

    version = services.create_version(
        model, source=f"models:/{logged['model_id']}", by=data_scientist
    )
    work_once()

    version.refresh_from_db()
    assert (version.state, version.status_message) == (VersionState.READY, "")
    assert (version.tracking_server, version.source_run_id) == (team_server, logged["run_id"])
    assert version.lineage.document["run"]["id"] == logged["run_id"]
    assert {authorization for _, authorization in guarded.asked} == {AUTHORIZATION}


def test_what_came_from_another_server_does_not_close_runs_behind_the_pass_through(
    access: TrackingAccess, guarded: Guarded, model: RegisteredModel, data_scientist: User
) -> None:
    logged = guarded.tracking.log_model()
    version = services.create_version(
        model, source=f"models:/{logged['model_id']}", by=data_scientist
    )

    assert not queries.referring_to(
        run_ids=[logged["run_id"]],
        logged_model_ids=[logged["model_id"]],
        experiment_ids=[version.experiment_id],
    ).exists()
    assert not queries.resting_on(logged["root"]).exists()


def test_what_the_server_does_not_know_is_refused_at_once(
    access: TrackingAccess, model: RegisteredModel, data_scientist: User
) -> None:
    began = time.monotonic()
    for source in ("models:/m-" + "0" * 32, "runs:/" + "0" * 32 + "/model"):
        with pytest.raises(NotFound, match="The tracking server has no"):
            services.create_version(model, source=source, by=data_scientist)

    assert time.monotonic() - began < 2
    assert not ModelVersion.objects.exists()


def test_wrong_credentials_are_told_with_the_page_where_they_are_entered(
    project: Project,
    team_server: TrackingServer,
    owner: User,
    model: RegisteredModel,
    data_scientist: User,
) -> None:
    for given in ({}, {"username": "team", "password": "wrong"}, {"token": "wrong"}):
        tracking_services.set_tracking_access(project, server=team_server, by=owner, **given)
        with pytest.raises(Refused, match="page “Sources”"):
            services.create_version(model, source="models:/m-1", by=data_scientist)


def test_credentials_that_are_taken_back_meanwhile_fail_the_version_with_a_reason(
    access: TrackingAccess,
    guarded: Guarded,
    project: Project,
    owner: User,
    model: RegisteredModel,
    data_scientist: User,
    no_tracking: None,
) -> None:
    logged = guarded.tracking.log_model()
    version = services.create_version(
        model, source=f"models:/{logged['model_id']}", by=data_scientist
    )
    tracking_services.remove_tracking_access(project, by=owner)
    work_once()

    version.refresh_from_db()
    assert version.state == VersionState.FAILED
    assert "does not read the tracking server “Team” any more" in version.status_message
    assert version.ingests.get().run.error_code == "registry.platform.source-refused"


def test_a_server_that_is_down_says_so(
    access: TrackingAccess, model: RegisteredModel, data_scientist: User
) -> None:
    TrackingServer.objects.update(url="http://127.0.0.1:1")

    with pytest.raises(Unavailable, match="“Team” does not answer"):
        services.create_version(model, source="models:/m-1", by=data_scientist)


def test_this_machine_is_asked_only_where_the_operator_allows_it(
    access: TrackingAccess,
    guarded: Guarded,
    model: RegisteredModel,
    data_scientist: User,
    settings: Any,
) -> None:
    settings.MLGOV_LOCAL_SOURCES = False
    urls = [guarded.url, guarded.url.replace("127.0.0.1", "localhost"), "http://169.254.169.254"]
    for url in urls:
        TrackingServer.objects.update(url=url)
        with pytest.raises(Invalid, match="mlgov does not connect to"):
            services.create_version(model, source="models:/m-1", by=data_scientist)

    assert guarded.asked == []


@pytest.fixture
def strange() -> Iterator[dict[str, Any]]:
    """A server that answers what the test puts into `body`, `status` and `headers`."""
    said: dict[str, Any] = {"status": 200, "body": b"{}", "headers": {}, "asked": 0}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said["asked"] += 1
            self.send_response(said["status"])
            for name, value in said["headers"].items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said["body"])))
            self.end_headers()
            self.wfile.write(said["body"])

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    said["url"] = f"http://127.0.0.1:{server.server_port}"
    yield said
    server.shutdown()
    server.server_close()


def test_what_a_strange_server_says_is_never_believed(
    strange: dict[str, Any],
    access: TrackingAccess,
    guarded: Guarded,
    model: RegisteredModel,
    data_scientist: User,
) -> None:
    TrackingServer.objects.update(url=strange["url"])
    info = b'{"model_id": "m-1", "artifact_uri": "mlflow-artifacts:/1", "source_run_id": '
    answers: list[tuple[int, bytes, dict[str, str]]] = [
        (200, b"<html>", {}),
        (200, b"[]", {}),
        (200, b"null", {}),
        (200, b"{}", {}),
        (200, b'{"model": []}', {}),
        (200, b'{"model": {"info": "x"}}', {}),
        (200, b'{"model": {"info": {}}}', {}),
        (200, b'{"model": {"info": {"artifact_uri": "file:///etc/passwd"}}}', {}),
        (200, b'{"model": {"info": {"artifact_uri": "http://127.0.0.1/x"}}}', {}),
        (200, b'{"model": {"info": ' + info + b'"../../x"}}}', {}),
        (200, b'{"model": {"info": ' + info + b'"' + b"a" * 60 + b'"}}}', {}),
        (200, b"[" * 100_000, {}),
        (302, b"", {"Location": f"{guarded.url}/elsewhere"}),
        (308, b"", {"Location": f"{guarded.url}/elsewhere"}),
        (500, b"no", {}),
    ]
    for status, body, headers in answers:
        strange.update(status=status, body=body, headers=headers)
        with pytest.raises(DomainError):
            services.create_version(model, source="models:/m-1", by=data_scientist)

    assert strange["asked"] >= len(answers)
    assert guarded.asked == []
    assert not ModelVersion.objects.exists()


def test_the_operators_credentials_are_sent_to_the_server_behind_mlgov(
    guarded: Guarded, model: RegisteredModel, data_scientist: User, settings: Any
) -> None:
    settings.MLGOV_TRACKING_URL = guarded.url
    logged = guarded.tracking.log_model()
    with pytest.raises(Unavailable, match="MLGOV_TRACKING_TOKEN"):
        services.create_version(model, source=f"models:/{logged['model_id']}", by=data_scientist)

    settings.MLGOV_TRACKING_USERNAME = "team"
    settings.MLGOV_TRACKING_PASSWORD = SecretStr(PASSWORD)

    assert upstream.client().get_run(logged["run_id"])["info"]["run_id"] == logged["run_id"]


def test_secrets_are_encrypted_and_stand_in_no_record(
    access: TrackingAccess, project: Project, team_server: TrackingServer, owner: User
) -> None:
    access.refresh_from_db()
    assert access.password == PASSWORD
    raw = TrackingAccess.objects.extra(select={"raw": "password"}).values_list("raw").get()
    assert PASSWORD not in raw[0]
    assert not any(hasattr(row, "password") for row in TrackingAccess.history.all())
    assert PASSWORD not in str(list(AuditEvent.objects.values()))

    # Not sent again to another server, nor for another name.
    kept = tracking_services.set_tracking_access(
        project, server=team_server, username="team", by=owner
    )
    assert kept.password == PASSWORD
    other = TrackingServer.objects.create(slug="other", name="Other", url="https://example.org")
    changed = tracking_services.set_tracking_access(
        project, server=other, username="team", by=owner
    )
    assert changed.password == ""


def test_who_says_where_a_project_reads(
    project: Project, team_server: TrackingServer, data_scientist: User, stranger: User, owner: User
) -> None:
    refusals: list[tuple[User, type[DomainError]]] = [
        (data_scientist, NotPermitted),
        (stranger, NotFound),
    ]
    for user, refusal in refusals:
        with pytest.raises(refusal):
            tracking_services.set_tracking_access(project, server=team_server, by=user)
    for odd in (
        {"token": "a\r\nX-Forged: 1"},
        {"username": "a:b"},
        {"token": "a", "username": "b"},
    ):
        with pytest.raises(Invalid):
            tracking_services.set_tracking_access(project, server=team_server, by=owner, **odd)
    assert not TrackingAccess.objects.exists()


def test_an_unused_server_is_not_asked(
    team_server: TrackingServer,
    guarded: Guarded,
    tracking: Tracking,
    model: RegisteredModel,
    data_scientist: User,
) -> None:
    logged = tracking.log_model()
    version = services.create_version(
        model, source=f"models:/{logged['model_id']}", by=data_scientist
    )

    assert (version.tracking_server, guarded.asked) == (None, [])
