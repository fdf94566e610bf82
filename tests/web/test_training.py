"""The page of a training run: who sees it, what it survives, and what it shows."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.projects.models import Project
from apps.registry.models import Lineage, ModelVersion, RegisteredModel
from apps.tracking import services
from apps.tracking.models import TrackingServer
from tests import factories
from tests.stores import Guarded
from tests.tracking import Tracking

Signed = Callable[[User], Client]
SCRIPT = "<script>alert(1)</script>"


def text_of(response: Any) -> str:
    content = (
        b"".join(response.streaming_content) if response.streaming else bytes(response.content)
    )
    return unescape(content.decode())


def points(key: str, count: int, *, first: int = 0) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": 1 / (step + 1), "timestamp": 1_700_000_000_000 + step, "step": step}
        for step in range(first, first + count)
    ]


@pytest.fixture
def registered(run_id: str, model: RegisteredModel, data_scientist: User) -> ModelVersion:
    version = factories.make_version(model, by=data_scientist, source_run_id=run_id)
    kept = {
        "run": {"id": run_id, "name": "wise-owl", "user": "ada", "status": "FINISHED"},
        "parameters": {"depth": "7"},
        "metrics": [{"name": "auc", "value": 0.91, "step": 0, "dataset": ""}],
    }
    Lineage.objects.create(version=version, document=kept)
    return version


# ---- who sees it --------------------------------------------------------------------------------


def test_members_open_the_run_and_strangers_find_nothing(
    signed_in: Signed, viewer: User, stranger: User, run_id: str
) -> None:
    paths = ["", "/metric?name=auc", "/artifacts", "/file?path=a.txt", "/raw?path=a.txt"]
    of_stranger = [
        signed_in(stranger).get(f"/training-runs/{run_id}{path}").status_code for path in paths
    ]
    shown = signed_in(viewer).get(f"/training-runs/{run_id}")
    assert (shown.status_code, of_stranger) == (200, [404] * 5)
    assert "wise-owl" in text_of(shown)
    assert Client().get(f"/training-runs/{run_id}").status_code == 302


def test_what_is_no_run_is_not_found(signed_in: Signed, viewer: User, tracking: Tracking) -> None:
    ids = ["0" * 32, "..", "a%20b", "%3Cscript%3E", "x" * 300]
    found = [signed_in(viewer).get(f"/training-runs/{run_id}").status_code for run_id in ids]
    assert found == [404] * 5


def test_whoever_sees_the_version_only_sees_what_it_kept(
    signed_in: Signed,
    stranger: User,
    tracking: Tracking,
    run_id: str,
    root: str,
    registered: ModelVersion,
) -> None:
    tracking.log(run_id, params=[{"key": "secret-of-the-run", "value": "x"}])
    tracking.put(f"{root}/report.txt", b"secret file")
    elsewhere = factories.make_model(stranger.memberships.get().project, "copy", by=stranger)
    copy = factories.make_version(elsewhere, by=stranger, source_run_id=run_id)
    Lineage.objects.create(version=copy, document=registered.lineage.document)
    client = signed_in(stranger)
    shown = text_of(client.get(f"/training-runs/{run_id}"))
    assert "its experiment is not one of yours" in shown
    assert ("depth" in shown, "secret-of-the-run" in shown, "scoring v1" in shown) == (
        True,
        False,
        False,
    )
    assert client.get(f"/training-runs/{run_id}/raw?path=report.txt").status_code == 404


def test_card_and_review_lead_to_the_run(
    signed_in: Signed, viewer: User, registered: ModelVersion, ask_for_review: Any
) -> None:
    review = ask_for_review(registered)
    link = f'href="/training-runs/{registered.source_run_id}"'
    pages = ["/models/scoring/versions/1", f"/reviews/{review.pk}"]
    assert [link in text_of(signed_in(viewer).get(page)) for page in pages] == [True, True]


def test_a_run_on_the_projects_own_server_is_read_with_its_credentials(
    signed_in: Signed,
    viewer: User,
    owner: User,
    data_scientist: User,
    project: Project,
    model: RegisteredModel,
    team_server: TrackingServer,
    guarded: Guarded,
    no_tracking: None,
) -> None:
    services.set_tracking_access(
        project, server=team_server, username="team", password="sesame", by=owner
    )
    run_id = guarded.tracking.make_run(**{"mlflow.runName": "far-owl"})["info"]["run_id"]
    version = factories.make_version(
        model, by=data_scientist, source_run_id=run_id, tracking_server=team_server
    )
    kept = {"run": {"id": run_id, "name": "as-it-was"}}
    Lineage.objects.create(version=version, document=kept)
    client = signed_in(viewer)
    assert "far-owl" in text_of(client.get(f"/training-runs/{run_id}"))
    services.remove_tracking_access(project, by=owner)
    shown = text_of(client.get(f"/training-runs/{run_id}"))
    assert ("as-it-was" in shown, "does not read the tracking server" in shown) == (True, True)


# ---- when the server does not help --------------------------------------------------------------


def test_the_page_answers_while_the_server_is_down(
    signed_in: Signed, viewer: User, no_tracking: None, model: RegisteredModel, data_scientist: User
) -> None:
    version = factories.make_version(model, by=data_scientist, source_run_id="f" * 32)
    kept = {
        "run": {"id": "f" * 32, "name": "wise-owl", "started_at": "2026-01-02T03:04:05+00:00"},
        "parameters": {"depth": "7"},
        "metrics": [{"name": "auc", "value": 0.91, "step": 0, "dataset": ""}],
        "datasets": [{"name": "cases", "schema": {"mlflow_colspec": [{"name": "age"}]}}],
    }
    Lineage.objects.create(version=version, document=kept)
    client = signed_in(viewer)
    page = client.get(f"/training-runs/{'f' * 32}")
    shown = text_of(page)
    assert page.status_code == 200
    told = ["does not answer", "scoring v1", "depth", "0.91", "cases", "2 Jan 2026"]
    assert [word for word in told if word not in shown] == []
    assert client.get(f"/training-runs/{'f' * 32}/metric?name=auc").status_code == 200
    assert client.get(f"/training-runs/{'e' * 32}").status_code == 503


def test_a_deleted_run_is_shown_and_a_purged_one_as_it_was_kept(
    signed_in: Signed, viewer: User, tracking: Tracking, run_id: str, registered: ModelVersion
) -> None:
    tracking.call("POST", "runs/delete", {"run_id": run_id})
    shown = text_of(signed_in(viewer).get(f"/training-runs/{run_id}"))
    assert "This run is deleted." in shown
    purged = "a" * 32
    ModelVersion.objects.filter(pk=registered.pk).update(source_run_id=purged)
    shown = text_of(signed_in(viewer).get(f"/training-runs/{purged}"))
    assert ("It was deleted on the tracking server" in shown, "depth" in shown) == (True, True)


# ---- what it shows ------------------------------------------------------------------------------


def test_what_the_run_was_given_and_what_came_of_it(
    signed_in: Signed,
    viewer: User,
    data_scientist: User,
    tracking: Tracking,
    run_id: str,
    model: RegisteredModel,
) -> None:
    data = {"name": "cases", "digest": "d1", "source_type": "s3", "source": '{"uri": "s3://b/c"}'}
    data["schema"] = '{"mlflow_colspec": [{"type": "double", "name": "age"}]}'
    data["profile"] = '{"num_rows": 12345}'
    tracking.call("POST", "runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": data}]})
    tracking.log(run_id, params=[{"key": "depth", "value": "7"}], metrics=points("train/loss", 100))
    logged = tracking.make_logged_model(run_id, "forest")
    models = [{"model_id": logged["model_id"], "step": 0}]
    tracking.call("POST", "runs/outputs", {"run_id": run_id, "models": models})
    factories.make_version(model, by=data_scientist, logged_model_id=logged["model_id"])

    shown = text_of(signed_in(viewer).get(f"/training-runs/{run_id}"))
    told = [
        "depth", "train/loss", "0.01 to 1 in 100 values", "cases", "d1", "s3://b/c", "12,345 rows",
        "age", "forest", "scoring v1", "train.py", "0123456789ab", "team", "risk",
    ]  # fmt: skip
    assert [word for word in told if word not in shown] == []
    metric = text_of(signed_in(viewer).get(f"/training-runs/{run_id}/metric?name=train/loss"))
    assert (metric.count("<tr>"), "from step 0 to 99: lowest 0.01" in metric) == (101, True)
    assert signed_in(viewer).get(f"/training-runs/{run_id}/metric?name=x").status_code == 404


def test_values_that_are_no_numbers_break_the_curve_and_not_the_page(
    signed_in: Signed, viewer: User, tracking: Tracking, run_id: str
) -> None:
    values: list[Any] = [1.0, "NaN", "Infinity", 2.0, "-Infinity", 1e308, -1e308]
    rows = [
        {"key": "odd", "value": value, "timestamp": 1, "step": step}
        for step, value in enumerate(values)
    ]
    tracking.log(run_id, metrics=rows)
    page = signed_in(viewer).get(f"/training-runs/{run_id}")
    shown = text_of(page)
    assert (page.status_code, "3 of them no number" in shown) == (200, True)
    assert shown.count('class="chart-line"') == 3
    metric = text_of(signed_in(viewer).get(f"/training-runs/{run_id}/metric?name=odd"))
    assert [word for word in ("NaN", "∞", "−∞", "1e+308") if word not in metric] == []


@pytest.mark.slow
def test_ten_thousand_parameters_are_found_and_not_all_shown(
    signed_in: Signed, viewer: User, tracking: Tracking, run_id: str
) -> None:
    for start in range(0, 10_000, 100):
        params = [{"key": f"p{n:05d}", "value": str(n)} for n in range(start, start + 100)]
        tracking.log(run_id, params=params)
    client = signed_in(viewer)
    shown = text_of(client.get(f"/training-runs/{run_id}"))
    assert ("9,800 more are not shown" in shown, "p09999" in shown) == (True, False)
    assert len(shown) < 300_000
    assert "p09999" in text_of(client.get(f"/training-runs/{run_id}?find=p09999"))


@pytest.mark.slow
def test_a_hundred_thousand_values_make_a_curve_of_some_hundreds(
    signed_in: Signed, viewer: User, tracking: Tracking, run_id: str
) -> None:
    for start in range(0, 100_000, 1_000):
        tracking.log(run_id, metrics=points("loss", 1_000, first=start))
    client = signed_in(viewer)
    shown = text_of(client.get(f"/training-runs/{run_id}"))
    assert ("in more than 300 values" in shown, len(shown) < 100_000) == (True, True)
    metric = text_of(client.get(f"/training-runs/{run_id}/metric?name=loss"))
    assert ("spread evenly" in metric, "100,000" in metric or "99,999" in metric) == (True, True)


def test_many_metrics_are_drawn_page_by_page(
    signed_in: Signed, viewer: User, tracking: Tracking, run_id: str
) -> None:
    names = [*(f"m{n:02d}" for n in range(30)), "system/cpu"]
    tracking.log(run_id, metrics=[point for name in names for point in points(name, 2)])
    client = signed_in(viewer)
    pages = [text_of(client.get(f"/training-runs/{run_id}?page={n}")) for n in (1, 3)]
    assert [page.count('class="chart-line"') for page in pages] == [12, 7]
    assert ["system/cpu" in page for page in pages] == [False, True]


def test_script_in_names_and_values_is_text(
    signed_in: Signed, viewer: User, tracking: Tracking, run_id: str, root: str
) -> None:
    tracking.log(
        run_id,
        params=[{"key": "p", "value": SCRIPT + "x" * 500}],
        tags=[
            {"key": "t", "value": SCRIPT},
            {"key": "mlflow.runName", "value": SCRIPT},
            {"key": "mlflow.note.content", "value": f"**bold** {SCRIPT}"},
            {"key": "mlflow.user", "value": SCRIPT},
        ],
        metrics=points("a:b c/d-e.f", 2),
    )
    tracking.put(f"{root}/<img src=x onerror=alert(1)>.txt", b"x")
    response = signed_in(viewer).get(f"/training-runs/{run_id}")
    content = response.content.decode()
    assert (SCRIPT in content, "<img src=x" in content, "<strong>bold</strong>" in content) == (
        False,
        False,
        True,
    )
    assert "onerror=alert(1)&gt;.txt" in content


def test_times_that_clients_make_up_are_left_out(
    signed_in: Signed, viewer: User, tracking: Tracking, project: Project
) -> None:
    body = {"experiment_id": tracking.experiment, "start_time": 2**62}
    run_id = tracking.call("POST", "runs/create", body)["run"]["info"]["run_id"]
    rows = [{"key": "m", "value": 1, "timestamp": 2**62, "step": n * 2**61} for n in (0, 1)]
    tracking.log(run_id, metrics=rows)
    client = signed_in(viewer)
    paths = [f"/training-runs/{run_id}", f"/training-runs/{run_id}/metric?name=m"]
    assert [client.get(path).status_code for path in paths] == [200, 200]
