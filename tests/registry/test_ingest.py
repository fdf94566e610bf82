"""From a registration to a version that is ready, or to a reason."""

import errno
from typing import Any

import pytest

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.core.errors import Conflict, NotPermitted
from apps.registry import ingest, mlmodel, services, storage
from apps.registry.models import Ingest, ModelVersion, RegisteredModel
from apps.registry.states import VersionState
from apps.runs import services as runs
from apps.runs.failures import RunFailure
from apps.runs.states import RunState
from tests.tracking import MODEL_FILES, Tracking, work_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "PAUSES", (0, 0))


def register(model: RegisteredModel, logged: dict[str, Any], by: User) -> ModelVersion:
    return services.create_version(model, source=f"models:/{logged['model_id']}", by=by)


def test_a_version_is_pending_until_its_artifacts_are_ours(
    tracking: Tracking, model: RegisteredModel, data_scientist: User, tmp_path: Any
) -> None:
    logged = tracking.log_model()

    version = register(model, logged, data_scientist)
    assert (version.state, version.artifact_digest) == (VersionState.PENDING, "")
    work_once()

    version.refresh_from_db()
    assert version.state == VersionState.READY
    assert storage.materialise(version, tmp_path) == version.artifact_digest
    assert {a.path: a.size for a in version.artifacts.all()} == {
        path: len(content) for path, content in MODEL_FILES.items()
    }
    assert version.artifact_bytes == sum(len(content) for content in MODEL_FILES.values())
    assert version.requirements == ["scikit-learn==1.7.2", "mlflow==3.17.2"]
    assert (version.python_version, version.mlflow_version) == ("3.11.7", "3.17.2")
    assert version.signature == {
        "inputs": [{"type": "double", "name": "age", "required": True}],
        "outputs": [{"type": "long", "required": True}],
        "params": None,
    }
    assert version.input_example["dataframe_split"]["data"] == [[42.0]]
    assert set(version.lineage.document["environment"]) == {"requirements.txt", "python_env.yaml"}
    actions = [event.action for event in activity_of(version)]
    assert actions == ["version.ready", "version.register"]


def test_lineage_is_what_the_run_says(
    tracking: Tracking, model: RegisteredModel, data_scientist: User
) -> None:
    run = tracking.make_run(
        **{"mlflow.source.name": "train.py", "mlflow.source.git.commit": "abc", "team": "risk"},
        **{"mlflow.user": "ada"},
    )
    run_id = run["info"]["run_id"]
    tracking.call(
        "POST",
        "runs/log-batch",
        {
            "run_id": run_id,
            "params": [{"key": "C", "value": "1.0"}],
            "metrics": [{"key": "auc", "value": 0.8, "timestamp": 1, "step": 3}],
        },
    )
    dataset = {
        "name": "applicants",
        "digest": "d1",
        "source_type": "local",
        "source": '{"uri": "applicants.csv"}',
        "profile": '{"num_rows": 7}',
    }
    tag = {"key": "mlflow.data.context", "value": "training"}
    body = {"run_id": run_id, "datasets": [{"dataset": dataset, "tags": [tag]}]}
    tracking.call("POST", "runs/log-inputs", body)
    info = tracking.make_logged_model(run_id)
    tracking.put(
        f"{info['artifact_uri'].removeprefix('mlflow-artifacts:/')}/MLmodel", b"flavors: {}"
    )

    version = register(model, {"model_id": info["model_id"]}, data_scientist)
    work_once()

    document = ModelVersion.objects.get(pk=version.pk).lineage.document
    assert version.claimed_author == "ada"
    assert document["source"]["name"] == "train.py"
    assert document["source"]["git_commit"] == "abc"
    assert document["parameters"] == {"C": "1.0"}
    assert document["metrics"] == [{"name": "auc", "value": 0.8, "step": 3, "dataset": ""}]
    assert document["datasets"][0]["source"] == {"uri": "applicants.csv"}
    assert document["datasets"][0] | {"source": None} == {
        "name": "applicants",
        "digest": "d1",
        "source_type": "local",
        "source": None,
        "schema": None,
        "rows": 7,
        "context": "training",
    }
    assert document["tags"] == {"team": "risk"}
    assert document["run"]["experiment"].startswith("of-credit-")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "There are no artifacts"),
        ({"readme.txt": b"hello"}, "no file MLmodel"),
        ({"MLmodel": b"flavors: [unclosed"}, "cannot be read"),
        ({"MLmodel": b"just text"}, "cannot be read"),
        ({"MLmodel": b"!!python/object/apply:os.system ['true']"}, "cannot be read"),
    ],
)
def test_what_is_not_a_model_fails_with_a_reason(
    tracking: Tracking,
    model: RegisteredModel,
    data_scientist: User,
    files: dict[str, bytes],
    reason: str,
) -> None:
    version = register(model, tracking.log_model(files), data_scientist)
    work_once()

    version.refresh_from_db()
    assert version.state == VersionState.FAILED
    assert reason in version.status_message
    assert version.ingests.get().run.is_authors_problem
    assert not version.artifacts.exists()


def test_references_cannot_make_a_small_file_a_huge_one() -> None:
    bomb = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
        b"%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n" % (letter, letter, *[letter - 1] * 8)
        for letter in range(ord("b"), ord("k"))
    )
    blob = storage.save([bomb], limit=10_000)

    with pytest.raises(RunFailure, match="more than 50,000 values"):
        mlmodel.read([("MLmodel", blob.size, blob.sha256)])


def test_a_model_beyond_the_limit_is_refused(
    tracking: Tracking, model: RegisteredModel, data_scientist: User, settings: Any
) -> None:
    settings.MLGOV_MODEL_LIMIT = 10_000
    version = register(model, tracking.log_model(), data_scientist)
    work_once()

    version.refresh_from_db()
    assert version.state == VersionState.FAILED
    assert "MLGOV_MODEL_LIMIT_MB" in version.status_message


def test_a_full_disk_is_told_and_the_registration_can_be_retried(
    tracking: Tracking,
    model: RegisteredModel,
    data_scientist: User,
    viewer: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = register(model, tracking.log_model(), data_scientist)
    with monkeypatch.context() as full:
        full.setattr(storage.os, "fsync", _no_space)
        work_once()

    version.refresh_from_db()
    assert version.state == VersionState.FAILED
    assert "no room" in version.status_message
    assert version.ingests.get().run.error_code == "registry.platform.disk-full"
    with pytest.raises(NotPermitted):
        services.retry_ingest(version, by=viewer)

    services.retry_ingest(version, by=data_scientist)
    work_once()

    version.refresh_from_db()
    assert version.state == VersionState.READY
    with pytest.raises(Conflict):
        services.retry_ingest(version, by=data_scientist)


def _no_space(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_tracking_server_that_goes_down_meanwhile_fails_the_version_with_a_reason(
    tracking: Tracking, model: RegisteredModel, data_scientist: User, settings: Any, tmp_path: Any
) -> None:
    version = register(model, tracking.log_model(), data_scientist)
    settings.MLGOV_TRACKING_URL = f"unix:{tmp_path}/nobody.sock"
    work_once()

    version.refresh_from_db()
    assert version.state == VersionState.FAILED
    assert "does not answer" in version.status_message
    assert version.ingests.get().run.error_code == "registry.platform.tracking-server-down"


def test_a_lost_worker_is_followed_by_another_run(
    tracking: Tracking, model: RegisteredModel, data_scientist: User
) -> None:
    version = register(model, tracking.log_model(), data_scientist)
    lost = runs.claim(version.ingests.get().run_id, worker="gone")
    assert lost is not None
    runs.finish(lost, RunState.FAILED, code="runs.platform.worker-lost", text="silent")
    work_once()

    version.refresh_from_db()
    assert version.state == VersionState.READY
    assert version.ingests.count() == 2


def test_workers_that_are_lost_again_and_again_end_in_a_reason(
    tracking: Tracking, model: RegisteredModel, data_scientist: User
) -> None:
    version = register(model, tracking.log_model(), data_scientist)
    for _ in range(20):
        ingest_now = Ingest.objects.filter(version=version).order_by("-pk").first()
        assert ingest_now is not None
        run = runs.claim(ingest_now.run_id, worker="gone")
        if run is None:
            break
        runs.finish(run, RunState.FAILED, code="runs.platform.worker-lost", text="silent")
        services.start_again(version)

    version.refresh_from_db()
    assert version.state == VersionState.FAILED
    assert "again and again" in version.status_message


def test_taking_over_twice_changes_nothing(
    tracking: Tracking, model: RegisteredModel, data_scientist: User
) -> None:
    version = register(model, tracking.log_model(), data_scientist)
    work_once()
    version.refresh_from_db()
    digest, updated = version.artifact_digest, version.updated_at

    services.accept_version(version, digest="sha256:x", artifacts=[], facts={}, lineage={})
    services.reject_version(version, reason="late")

    version.refresh_from_db()
    assert (version.artifact_digest, version.updated_at) == (digest, updated)
    assert (version.state, version.artifacts.count()) == (VersionState.READY, len(MODEL_FILES))


def test_a_run_that_says_too_much_fails_with_what_to_do(
    tracking: Tracking,
    model: RegisteredModel,
    data_scientist: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = tracking.log_model()
    point = {"value": 1.0, "timestamp": 1, "step": 0}
    tracking.log(logged["run_id"], metrics=[{"key": f"m{n}", **point} for n in range(400)])
    version = register(model, logged, data_scientist)
    monkeypatch.setattr(mlmodel, "MOST_VALUES", 400)
    work_once()

    version.refresh_from_db()
    assert version.state == VersionState.FAILED
    run = version.ingests.get().run
    assert run.error_code == "registry.model.too-much-lineage"
    assert "more than 400 values" in version.status_message
    assert "in a run of its own" in version.status_message


def test_nothing_is_copied_for_who_may_not_register_any_more(
    tracking: Tracking, model: RegisteredModel, data_scientist: User, owner: User
) -> None:
    version = register(model, tracking.log_model(), data_scientist)
    membership = data_scientist.memberships.get()
    membership.role = "viewer"
    membership.save()
    work_once()

    version.refresh_from_db()
    run = version.ingests.get().run
    assert (run.requested_by, run.asked_for) == (data_scientist, "register")
    assert (run.error_code, list(run.steps.all())) == ("registry.project.not-permitted", [])
    assert version.state == VersionState.FAILED
    assert "may not do it any more" in version.status_message
    # Somebody who may tries again, and it is his run.
    services.retry_ingest(version, by=owner)
    work_once()
    version.refresh_from_db()
    assert version.state == VersionState.READY
    assert version.ingests.latest("pk").run.asked_for == "retry"


def test_nothing_is_copied_for_an_account_that_was_disabled(
    tracking: Tracking, model: RegisteredModel, data_scientist: User
) -> None:
    version = register(model, tracking.log_model(), data_scientist)
    data_scientist.is_active = False
    data_scientist.save()
    work_once()
    version.refresh_from_db()
    assert (version.state, "was disabled meanwhile" in version.status_message) == (
        VersionState.FAILED, True,
    )  # fmt: skip


def test_a_lost_worker_does_not_lose_who_asked(
    tracking: Tracking, model: RegisteredModel, data_scientist: User
) -> None:
    version = register(model, tracking.log_model(), data_scientist)
    run = runs.claim(version.ingests.get().run_id, worker="lost")
    assert run is not None
    runs.finish(run, RunState.FAILED, code="runs.platform.worker-lost")
    User.objects.filter(pk=data_scientist.pk).update(is_active=False)
    work_once()
    codes = [ingest.run.error_code for ingest in version.ingests.order_by("pk")]
    assert codes == ["runs.platform.worker-lost", "registry.project.not-permitted"]
