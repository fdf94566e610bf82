"""What a run logged is taken in from the tracking server and from stores, and from nowhere else."""

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.core.errors import Invalid, NotPermitted
from apps.evaluations import intake, logged, services
from apps.evaluations.models import EvaluationDataSet, Intake
from apps.registry import storage
from apps.registry.models import Lineage, ModelVersion
from apps.tracking.models import ArtifactStore
from tests.builds.parts import drive
from tests.evaluations.conftest import CSV, upload
from tests.tracking import Tracking

pytestmark = pytest.mark.django_db(transaction=True)


def note(version: ModelVersion, *sources: Any, **facts: Any) -> list[logged.Logged]:
    """As registration copies them from the run."""
    entries = [
        {"name": f"set {n}", "digest": "d1", "context": "testing", "source": source, **facts}
        for n, source in enumerate(sources)
    ]
    Lineage.objects.update_or_create(version=version, defaults={"document": {"datasets": entries}})
    return logged.data_sets_of(version)


def test_a_file_in_a_store_is_taken_in_chosen_and_known_again(
    version: ModelVersion, data_scientist: User, file_store: ArtifactStore, folder: Path,
    client: Client,
) -> None:  # fmt: skip
    content = io.BytesIO()
    pd.DataFrame({"a": [1.0, 2.0], "label": [0, 1]}).to_parquet(content)
    (folder / "holdout.parquet").write_bytes(content.getvalue())
    note(version, {"uri": f"{folder}/holdout.parquet"}, {"url": "http://10.0.0.1/x.csv"})
    new = f"/models/{version.model.name}/versions/1/evaluations/new"
    client.force_login(data_scientist)
    page = client.get(new).content.decode()
    assert "http://10.0.0.1/x.csv, which is in no store of the project. Upload it" in page
    key = logged.data_sets_of(version)[0].key

    assert client.post(new.replace("new", "logged"), {"key": key}).status_code == 302
    assert "every 2s" in client.get(new).content.decode()
    drive()
    made = EvaluationDataSet.objects.get()
    assert (made.name, made.format, made.columns, made.logged_digest) == (
        "set 0", "parquet", ["a", "label"], "d1",
    )  # fmt: skip
    with storage.open_blob(made.sha256) as file:
        assert file.read() == content.getvalue()
    assert made.source == f"{folder}/holdout.parquet"
    page = client.get(new).content.decode()
    assert f"?data_set={made.pk}" in page
    part = client.get(new, headers={"HX-Request": "true", "HX-Target": "logged"})
    assert part.headers["HX-Refresh"] == "true"

    services.take_in(version, key, by=data_scientist)
    drive()
    assert Intake.objects.filter(data_set=made).count() == 2


def test_an_artifact_of_the_run_is_taken_in_and_one_of_a_hidden_run_is_not(
    version: ModelVersion, data_scientist: User, tracking: Tracking
) -> None:
    run = tracking.make_run()["info"]
    root = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
    tracking.put(f"{root}/eval/holdout.csv", CSV)
    version.source_run_id = run["run_id"]
    version.save()
    proxied, named, outside = note(
        version,
        f"mlflow-artifacts:/{root}/eval/holdout.csv",
        {"uri": f"runs:/{run['run_id']}/eval/holdout.csv"},
        "mlflow-artifacts:/0/other/artifacts/holdout.csv",
    )
    upload(version.model.project, data_scientist, CSV + b"3,west,f,1\n", name="set 0")
    for each in (proxied, named, outside):
        services.take_in(version, each.key, by=data_scientist)
    drive()

    first, second, third = Intake.objects.order_by("pk")
    assert first.data_set == second.data_set
    assert first.data_set is not None
    assert first.data_set.name.startswith("set 0 v1 ")
    assert third.run.error_code == "evaluations.project.source-unusable"
    assert "outside the artifacts of run" in third.run.error_text


@pytest.mark.parametrize(
    "source",
    [
        {"url": "http://127.0.0.1:1/x.csv"},
        {"uri": "/etc/passwd.csv"},
        {"uri": "file:///etc/../etc/x.csv"},
        {"uri": "s3://others/x.csv"},
        {"uri": "models:/other/1/x.csv"},
        {"uri": "https://user:secret@host/x.csv"},
        "runs:/abc/../../x.csv",
        {"uri": "x" * 600 + ".csv"},
        {"uri": "/mnt/a\nb.csv"},
        {"uri": "data.pkl"},
        {"tags": {"mlflow.source.name": "train.py"}},
        ["a", "list"],
        None,
    ],
)
def test_what_lies_elsewhere_is_named_with_the_reason_and_never_opened(
    version: ModelVersion, data_scientist: User, file_store: ArtifactStore, source: Any
) -> None:
    (found,) = note(version, source)

    if found.why_not:
        with pytest.raises(Invalid, match="cannot be taken in"):
            services.take_in(version, found.key, by=data_scientist)
        assert found.why_not.endswith((" instead.", "such a format."))
    else:  # of a spelling that is a run's: the path is looked at before anything is asked for
        services.take_in(version, found.key, by=data_scientist)
        drive()
        assert Intake.objects.get().run.error_code == "evaluations.project.source-unusable"
    assert not EvaluationDataSet.objects.exists()


def test_what_is_too_large_or_gone_is_not_stored(
    version: ModelVersion, data_scientist: User, viewer: User, file_store: ArtifactStore,
    folder: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(intake, "MOST_BYTES", 30)
    (folder / "large.csv").write_bytes(CSV)
    (folder / "odd.csv").write_bytes(b"\x80\x04\x95")
    (folder / "link.csv").symlink_to("/etc/hostname")
    found = note(
        version, *({"uri": f"{folder}/{name}.csv"} for name in ("large", "gone", "odd", "link"))
    )
    with pytest.raises(NotPermitted):
        services.take_in(version, found[0].key, by=viewer)
    with pytest.raises(Invalid, match="no such data set"):
        services.take_in(version, "0" * 32, by=data_scientist)
    for each in found:
        services.take_in(version, each.key, by=data_scientist)
    drive()

    codes = [each.run.error_code for each in Intake.objects.order_by("pk")]
    assert codes == [
        "evaluations.project.source-too-large",
        "evaluations.project.source-gone",
        "evaluations.project.source-unusable",
        "evaluations.project.source-unusable",
    ]
    assert not EvaluationDataSet.objects.exists()


def test_logged_data_sets_are_listed_and_taken_in_by_program(
    version: ModelVersion, data_scientist: User, file_store: ArtifactStore, folder: Path
) -> None:
    (folder / "x.csv").write_bytes(CSV)
    note(version, {"uri": f"file://{folder}/x.csv"})
    program = APIClient()
    program.force_authenticate(data_scientist)
    path = f"/api/v1/models/{version.model.name}/versions/1/logged-data-sets"
    (found,) = program.get(path).json()["results"]
    assert (found["name"], found["why_not"], found["run"]) == ("set 0", "", None)
    taken = program.post(path, {"key": found["key"]}, format="json")
    assert (taken.status_code, taken.json()["run"]["state"]) == (201, "queued")
    drive()
    (found,) = program.get(path).json()["results"]
    assert found["data_set"] == EvaluationDataSet.objects.get().pk
    assert program.post(path, {"key": "none"}, format="json").status_code == 400
