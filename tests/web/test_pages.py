"""What the pages show, refuse, and keep."""

import csv
import io
import json
from collections.abc import Callable
from html import unescape

import pytest
from django.db import transaction
from django.test import Client

from apps.accounts.models import AccessToken, User
from apps.audit.services import record
from apps.core.errors import Conflict, NotFound, NotPermitted, TooLarge, Unavailable
from apps.projects.models import Project
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.services.ingests import start_ingest
from apps.runs.models import Run, RunLogLine
from apps.runs.states import RunState
from apps.stages.models import Stage, StageOverride
from apps.web.refusals import in_web_terms
from tests import factories

Signed = Callable[[User], Client]
CARD = "/models/scoring/versions/1"
EDIT = f"{CARD}/card/sections/overview"
HTMX = {"HX-Request": "true"}


def text_of(response: object) -> str:
    return unescape(response.content.decode())  # type: ignore[attr-defined]


def test_the_way_to_operations_is_shown_to_whom_it_leads_somewhere(
    signed_in: Signed, administrator: User, owner: User
) -> None:
    shown = [
        'href="/operations"' in text_of(signed_in(who).get("/")) for who in (administrator, owner)
    ]
    assert shown == [True, False]


def test_the_card_has_one_address_for_any_name(
    signed_in: Signed, viewer: User, project: Project, data_scientist: User
) -> None:
    model = factories.make_model(project, "späte Fälle 100%/2".replace("/", "_") + " .v1?#")
    version = factories.make_version(model, by=data_scientist)
    response = signed_in(viewer).get("/models")
    assert response.status_code == 200
    url = "/models/sp%C3%A4te%20F%C3%A4lle%20100%25_2%20.v1%3F%23"
    assert url in response.content.decode()
    shown = signed_in(viewer).get(f"{url}/versions/{version.number}")
    assert (shown.status_code, "späte Fälle 100%_2 .v1?#" in text_of(shown)) == (200, True)


def test_the_description_is_rendered_safely(
    signed_in: Signed, viewer: User, model: RegisteredModel, data_scientist: User
) -> None:
    factories.make_version(
        model, by=data_scientist, description="**bold** <script>alert(1)</script>"
    )
    page = signed_in(viewer).get(CARD).content.decode()
    assert ("<strong>bold</strong>" in page, "<script>alert" in page) == (True, False)


def test_a_viewer_is_offered_nothing_that_he_may_not(
    signed_in: Signed, viewer: User, data_scientist: User, version: ModelVersion, staging: Stage
) -> None:
    offers = [f"{CARD}/reviews/new", f'{CARD}/card"']
    for user, expected in ((viewer, [False, False]), (data_scientist, [True, True])):
        page = text_of(signed_in(user).get(CARD))
        assert [offer in page for offer in offers] == expected


def test_an_edit_on_an_old_revision_keeps_the_text_and_shows_the_other(
    signed_in: Signed, owner: User, data_scientist: User, version: ModelVersion
) -> None:
    first = signed_in(owner).post(
        EDIT, {"description": "Theirs.", "base_revision": 1, "reason": ""}
    )
    second = signed_in(data_scientist).post(
        EDIT, {"description": "Mine.", "base_revision": 1, "reason": ""}
    )
    page = text_of(second)
    assert (first.status_code, second.status_code) == (302, 409)
    assert ["Mine." in page, "Theirs." in page, 'value="2"' in page] == [True, True, True]
    assert version.card_revisions.count() == 2

    again = signed_in(data_scientist).post(
        EDIT, {"description": "Both.", "base_revision": 2, "reason": ""}
    )
    assert (again.status_code, version.card_revisions.first().description) == (302, "Both.")


def test_line_ends_of_the_browser_are_no_change(
    signed_in: Signed, data_scientist: User, model: RegisteredModel
) -> None:
    version = factories.make_version(model, by=data_scientist, description="One\n\nTwo")
    signed_in(data_scientist).post(EDIT, {"description": "One\r\n\r\nTwo", "base_revision": 1})
    assert version.card_revisions.count() == 1


def test_a_preview_saves_nothing(
    signed_in: Signed, data_scientist: User, version: ModelVersion
) -> None:
    response = signed_in(data_scientist).post(
        EDIT,
        {"description": "# Title", "base_revision": 1, "preview": "1"},
        headers={**HTMX, "HX-Target": "preview"},
    )
    page = response.content.decode()
    assert ("<h1>Title</h1>" in page, "<html" in page) == (True, False)
    assert version.card_revisions.count() == 1


def test_revisions_read_as_a_diff(
    signed_in: Signed, viewer: User, data_scientist: User, version: ModelVersion
) -> None:
    signed_in(data_scientist).post(
        EDIT, {"description": "Now.", "base_revision": 1, "reason": "Because."}
    )
    page = signed_in(viewer).get(f"{CARD}/card/revisions/2").content.decode()
    assert ("<ins>Now.</ins>" in page, "Because." in page) == (True, True)


def test_a_pending_card_polls_and_reloads_once_it_is_ready(
    signed_in: Signed, viewer: User, model: RegisteredModel, data_scientist: User
) -> None:
    version = factories.make_version(model, by=data_scientist, state="PENDING_REGISTRATION")
    with transaction.atomic():
        start_ingest(version, by=data_scientist, asked_for="register")
    client = signed_in(viewer)
    ask = {**HTMX, "HX-Target": "registration"}
    fragment = client.get(CARD, headers=ask)
    assert b'hx-trigger="every 2s"' in fragment.content
    assert b"<html" not in fragment.content

    ModelVersion.objects.filter(pk=version.pk).update(
        state="READY", artifact_digest="sha256:" + "0" * 64
    )
    ready = client.get(CARD, headers=ask)
    assert (ready.status_code, ready["HX-Refresh"]) == (204, "true")


def test_a_failed_registration_says_why_and_can_be_tried_again(
    signed_in: Signed, viewer: User, model: RegisteredModel, data_scientist: User
) -> None:
    factories.make_version(
        model,
        by=data_scientist,
        state="FAILED_REGISTRATION",
        status_message="There is no file MLmodel.",
    )
    page = text_of(signed_in(data_scientist).get(CARD))
    assert ("There is no file MLmodel." in page, f"{CARD}/retry" in page) == (True, True)
    assert f"{CARD}/retry" not in text_of(signed_in(viewer).get(CARD))


def test_a_log_gives_out_what_is_new_until_the_run_ends(
    signed_in: Signed, viewer: User, version: ModelVersion, data_scientist: User
) -> None:
    with transaction.atomic():
        run = start_ingest(version, by=data_scientist, asked_for="register").run
    lines = [RunLogLine.objects.create(run=run, text=f"line <{n}>") for n in range(3)]
    client = signed_in(viewer)
    answer = client.get(f"/runs/{run.pk}/log?after={lines[0].pk}").content.decode()
    assert ["line &lt;0&gt;" in answer, "line &lt;2&gt;" in answer] == [False, True]
    assert f"after={lines[2].pk}" in answer

    Run.objects.filter(pk=run.pk).update(
        state=RunState.SUCCEEDED, finished_at=run.created_at, started_at=run.created_at
    )
    assert "hx-get" not in client.get(f"/runs/{run.pk}/log?after={lines[2].pk}").content.decode()
    raw = client.get(f"/runs/{run.pk}/log?format=text")
    assert b"line <1>" in b"".join(raw.streaming_content)


@pytest.mark.parametrize("after", ["x", "-1", "9" * 30, "1e3", "²"])
def test_an_odd_place_in_a_log_is_not_found(
    after: str, signed_in: Signed, viewer: User, version: ModelVersion, data_scientist: User
) -> None:
    with transaction.atomic():
        run = start_ingest(version, by=data_scientist, asked_for="register").run
    assert signed_in(viewer).get(f"/runs/{run.pk}/log", {"after": after}).status_code == 404


def test_a_project_whose_name_is_taken_is_refused_on_the_form(
    signed_in: Signed, viewer: User, project: Project
) -> None:
    form = {"slug": "credit", "name": "Mine", "description": "Kept text", "visibility": "private"}
    response = signed_in(viewer).post("/projects/new", form)
    page = text_of(response)
    assert (response.status_code, "Kept text" in page) == (409, True)
    assert "There is a project “credit” already." in page


def test_the_last_owner_stays(signed_in: Signed, owner: User, project: Project) -> None:
    membership = project.memberships.get(user=owner)
    response = signed_in(owner).post(f"/projects/credit/members/{membership.pk}/remove")
    assert response.status_code == 409
    assert "is the last owner" in text_of(response)


def test_a_project_asks_more_and_never_less(
    signed_in: Signed, owner: User, project: Project, staging: Stage
) -> None:
    client, url = signed_in(owner), f"/projects/credit/stages/{staging.pk}"
    weaker = client.post(url, {"approvals_required": 1})
    assert (weaker.status_code, "not for fewer" in text_of(weaker)) == (422, True)
    assert not StageOverride.objects.exists()

    assert client.post(url, {"approvals_required": 3}).status_code == 302
    settings = text_of(client.get("/projects/credit/settings"))
    assert 'badge from-project">project' in settings


def test_the_secret_of_a_token_is_shown_once(signed_in: Signed, viewer: User) -> None:
    client = signed_in(viewer)
    chosen = {"scope": "actions", "actions": ["view", "predict"], "projects": ["credit"]}
    client.post("/account/tokens", {"name": "narrow", "days": "365", **chosen})
    narrow = AccessToken.objects.get(name="narrow")
    assert (narrow.actions, len(narrow.projects)) == (["predict", "view"], 1)
    assert "predict, view</span> in credit" in text_of(client.get("/account/tokens"))
    more = client.post("/account/tokens", {"name": "no", "days": "30", "actions": ["view"]})
    assert (more.status_code, "You chose actions" in text_of(more)) == (422, True)
    nothing = client.post("/account/tokens", {"name": "no", "days": "30", "scope": "actions"})
    assert (nothing.status_code, "at least one action" in text_of(nothing)) == (422, True)
    assert client.post("/account/tokens", {"name": "ever", "days": "never"}).status_code == 422
    made = client.post("/account/tokens", {"name": "notebook", "days": "30"})
    assert "MLFLOW_TRACKING_TOKEN=mlgov_pat_" in text_of(made)
    assert "no-store" in made["Cache-Control"]
    assert "MLFLOW_TRACKING_TOKEN=" not in text_of(client.get("/account/tokens"))


def test_the_trail_is_exported_as_it_is_filtered(
    signed_in: Signed, viewer: User, owner: User, project: Project, stranger: User
) -> None:
    elsewhere = Project.objects.get(slug="elsewhere")
    record(actor=owner, action="project.edit", obj=project, project=project, reason="=1+1")
    record(actor=owner, action="member.add", obj=project, project=project)
    record(actor=stranger, action="project.edit", obj=elsewhere, project=elsewhere)
    client = signed_in(viewer)
    rows = list(
        csv.DictReader(
            io.StringIO(
                b"".join(
                    client.get("/audit/export.csv?action=project.edit").streaming_content
                ).decode()
            )
        )
    )
    assert [(row["object"], row["reason"]) for row in rows] == [(str(project), "'=1+1")]
    lines = b"".join(client.get("/audit/export.jsonl").streaming_content).decode().splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["project.edit", "member.add"]


def test_the_trail_is_read_page_by_page_without_a_gap(
    signed_in: Signed, viewer: User, owner: User, project: Project
) -> None:
    made = [
        record(actor=owner, action="project.edit", obj=project, project=project).pk
        for _ in range(120)
    ]
    client, url, seen = signed_in(viewer), "/audit", []
    while url:
        response = client.get(url)
        seen += [told.pk for told in response.context["events"]]
        url = f"/audit{older}" if (older := response.context["older_url"]) else ""
    assert seen == made[::-1]


@pytest.mark.parametrize(
    "query", ["before=x", "before=" + "9" * 40, "since=yesterday", "project=nowhere", "page=x"]
)
def test_odd_filters_are_no_error(query: str, signed_in: Signed, viewer: User) -> None:
    client = signed_in(viewer)
    for url in ("/audit", "/models", "/deployments", "/", "/notifications", "/projects"):
        assert client.get(f"{url}?{query}").status_code == 200


def test_a_session_that_ended_sends_the_whole_page_to_the_sign_in(client: Client, db: None) -> None:
    response = client.get("/", headers={**HTMX, "HX-Current-URL": "http://testserver/models"})
    assert (response.status_code, response["HX-Redirect"]) == (
        204,
        "/accounts/login/?next=/models",
    )


def test_a_refusal_without_a_form_is_a_page_with_the_way_back(
    signed_in: Signed, viewer: User, project: Project
) -> None:
    response = signed_in(viewer).get(
        "/projects/credit/settings", headers={"Referer": "http://testserver/projects/credit"}
    )
    page = text_of(response)
    assert (response.status_code, "You may not change the settings of this project." in page) == (
        403,
        True,
    )
    assert 'href="/projects/credit">Back' in page


def test_each_kind_of_refusal_has_its_status() -> None:
    kinds = (NotPermitted, NotFound, Conflict, TooLarge, Unavailable)
    assert [in_web_terms(kind("No."))[0] for kind in kinds] == [403, 404, 409, 413, 503]


def test_nobody_learns_of_a_project_that_is_not_his(
    signed_in: Signed, stranger: User, version: ModelVersion, project: Project
) -> None:
    client = signed_in(stranger)
    for url in ("/models", "/deployments", "/audit", "/", "/projects"):
        page = text_of(client.get(url))
        assert ("scoring" in page, "Credit" in page) == (False, False), url


def test_pages_hold_no_script_or_style_of_their_own(
    signed_in: Signed, administrator: User, version: ModelVersion, staging: Stage
) -> None:
    client = signed_in(administrator)
    for url in ("/", "/models", CARD, f"{CARD}/card", f"{CARD}/reviews/new", "/audit"):
        page = client.get(url).content.decode()
        assert (" style=" in page, "<style" in page, "<script>" in page, " onclick" in page) == (
            False, False, False, False,
        ), url  # fmt: skip


def test_the_profile_leads_to_all_that_belongs_to_signing_in(
    signed_in: Signed, owner: User, project: Project
) -> None:
    client = signed_in(owner)
    shown = client.get("/account").content.decode().partition("<main")[2]
    for address in ("/accounts/2fa/", "/account/sessions", "/account/tokens"):
        assert f'href="{address}"' in shown
        assert client.get(address).status_code == 200
