"""An existing MLflow registry, copied by the command: once, in two goes, and once more."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from mlflow.entities import LoggedModelStatus
from mlflow.tracking import MlflowClient, set_tracking_uri

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.cards.models import CardRevision
from apps.deployments.models import Deployment
from apps.projects.models import Project
from apps.registry import policies as registry_policies
from apps.registry import storage
from apps.registry.models import Alias, ModelVersion, RegisteredModel
from apps.stages import queries as stages
from apps.stages.models import Stage
from mlgov import importing
from tests import factories
from tests.tracking import MODEL_FILES, work_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(db: None) -> User:
    return factories.make_user("root", is_superuser=True)


@pytest.fixture(scope="module")
def old_registry(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a team had before: two models, a number that is gone, labels, stages, lost files."""
    home = tmp_path_factory.mktemp("old")
    uri = f"sqlite:///{home}/mlflow.db"
    # MLflow looks up the source of a version in the tracking server of the process.
    set_tracking_uri(uri)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.create_experiment("old", artifact_location=f"{home}/artifacts")
    client.create_registered_model("fraud", tags={"team": "risk"}, description="Finds fraud.")
    for number in range(1, 5):
        source, run_id = _logged(client, experiment, home, f"fraud-{number}")
        client.create_model_version(
            "fraud", source, run_id, tags={"n": str(number)}, description=f"The {number}."
        )
    client.delete_model_version("fraud", "2")
    for number, stage in ((1, "Archived"), (3, "Production"), (4, "Production")):
        client.transition_model_version_stage("fraud", str(number), stage)
    client.set_registered_model_alias("fraud", "champion", "3")
    client.create_registered_model("churn")
    source, run_id = _logged(client, experiment, home, "churn-1")
    client.create_model_version("churn", source, run_id)
    source, run_id = _logged(client, experiment, home, "churn-2", files={})
    client.create_model_version("churn", source, run_id)
    client.register_prompt("greeting", "Hello {{name}}", tags={"tone": "kind"})
    client.register_prompt("greeting", "Good day, {{name}}", commit_message="Kinder.")
    client.set_prompt_alias("greeting", "champion", 2)
    set_tracking_uri(None)
    return uri


def _logged(
    client: MlflowClient,
    experiment: str,
    home: Path,
    name: str,
    files: dict[str, bytes] | None = None,
) -> tuple[str, str]:
    run = client.create_run(experiment)
    client.log_param(run.info.run_id, "made_for", name)
    model = client.create_logged_model(experiment, name, source_run_id=run.info.run_id)
    folder = Path(model.artifact_location)
    folder.mkdir(parents=True)
    for path, content in (MODEL_FILES if files is None else files).items():
        (folder / path).write_bytes(content + (b"" if path == "MLmodel" else name.encode()))
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    return f"models:/{model.model_id}", run.info.run_id


def run_import(origin: str, **options: Any) -> str:
    output = StringIO()
    call_command("import_registry", origin, by="root", stdout=output, **options)
    return output.getvalue()


def import_with_losses(origin: str, **options: Any) -> str:
    """The import of a registry in which something is lost says so at its end."""
    output = StringIO()
    with pytest.raises(CommandError, match="1 could not be imported"):
        call_command("import_registry", origin, by="root", stdout=output, **options)
    return output.getvalue()


def everything() -> list[Any]:
    """What an import could have changed, for comparing before and after."""
    return [
        *RegisteredModel.objects.order_by("pk").values(),
        *ModelVersion.objects.order_by("pk").values(),
        *Alias.objects.order_by("pk").values(),
        AuditEvent.objects.count(),
    ]


@pytest.fixture(autouse=True)
def stages_here(db: None) -> None:
    factories.make_stage("production")
    factories.make_stage("archived", approvals_required=0)


def test_versions_keep_numbers_labels_origin_and_bytes(
    old_registry: str, project: Project, administrator: User
) -> None:
    told = import_with_losses(old_registry, project=project.slug)

    assert "6 versions imported, 0 were there already, 1 left." in told
    fraud = RegisteredModel.objects.get(name="fraud")
    assert fraud.project == project
    assert fraud.description == "Finds fraud."
    assert dict(fraud.tags.values_list("key", "value")) == {"team": "risk"}
    versions = {version.number: version for version in fraud.versions.all()}
    assert sorted(versions) == [1, 3, 4]
    third = versions[3]
    assert third.is_ready
    assert third.description == "The 3."
    assert dict(third.tags.values_list("key", "value")) == {"n": "3"}
    assert third.lineage.document["parameters"] == {"made_for": "fraud-3"}
    assert third.requirements[0].startswith("scikit-learn==1.7.2")
    kept = third.artifacts.get(path="model.skops")
    assert storage.read_blob(kept.sha256, limit=100_000) == MODEL_FILES["model.skops"] + b"fraud-3"
    assert Alias.objects.get(model=fraud, name="champion").version == third


def test_prompts_keep_their_texts_and_aliases_and_are_no_models(
    old_registry: str, project: Project, administrator: User
) -> None:
    run_import(old_registry, project=project.slug, models="greet*")
    work_once()

    prompt = RegisteredModel.objects.get(name="greeting")
    assert prompt.is_prompt
    found = {
        version.number: dict(version.tags.values_list("key", "value"))["mlflow.prompt.text"]
        for version in prompt.versions.all()
    }
    assert found == {1: "Hello {{name}}", 2: "Good day, {{name}}"}
    assert prompt.versions.get(number=2).description == "Kinder."
    assert Alias.objects.get(model=prompt, name="champion").version.number == 2
    assert not CardRevision.objects.exists()
    assert not registry_policies.models.visible_to(administrator).exists()


def test_the_next_version_that_is_registered_comes_after_the_imported_ones(
    old_registry: str, project: Project, administrator: User
) -> None:
    import_with_losses(old_registry, project=project.slug)

    assert RegisteredModel.objects.get(name="fraud").last_number == 4


def test_stages_are_noted_and_nothing_is_deployed(
    old_registry: str, project: Project, administrator: User
) -> None:
    import_with_losses(old_registry, project=project.slug)
    work_once()

    fraud = RegisteredModel.objects.get(name="fraud")
    found = {v.number: str(stages.current_stage(v)) for v in fraud.versions.all()}
    # Production has room for one: the newest stays there.
    assert found == {1: "Archived", 3: "Archived", 4: "Production"}
    assert not Deployment.objects.exists()
    assert fraud.versions.get(number=4).card_revisions.count() == 1


def test_a_second_import_changes_nothing(
    old_registry: str, project: Project, administrator: User
) -> None:
    import_with_losses(old_registry, project=project.slug)
    before = everything()

    told = import_with_losses(old_registry, project=project.slug)

    assert "0 versions imported, 6 were there already, 1 left." in told
    assert "Nothing was changed." in told
    assert everything() == before


def test_an_import_that_was_interrupted_goes_on(
    old_registry: str,
    project: Project,
    administrator: User,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    copied = []
    copy = importing.Importer._copy

    def interrupted(self: Any, *args: Any) -> None:
        if len(copied) == 3:
            raise KeyboardInterrupt
        copied.append(args)
        copy(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(importing.Importer, "_copy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_import(old_registry, project=project.slug)
    report = tmp_path / "report.json"
    import_with_losses(old_registry, project=project.slug, report=report)

    told = json.loads(report.read_text())
    assert len(told["imported"]) == 4
    assert len(told["there_already"]) == 2
    assert ModelVersion.objects.count() == 6


def test_a_dry_run_lists_and_changes_nothing(
    old_registry: str, project: Project, administrator: User
) -> None:
    told = run_import(old_registry, project=project.slug, dry_run=True, models="fr*")

    assert "fraud: 3 versions" in told
    assert "churn" not in told
    assert not RegisteredModel.objects.exists()


def test_a_name_that_is_taken_here_is_left_with_the_reason(
    old_registry: str, project: Project, administrator: User
) -> None:
    model = factories.make_model(project, "fraud")
    factories.make_stored_version(model, by=administrator)

    output = StringIO()
    with pytest.raises(CommandError):
        call_command(
            "import_registry",
            old_registry,
            project=project.slug,
            by="root",
            models="fraud",
            stdout=output,
        )

    assert "did not come from this registry" in output.getvalue()
    assert ModelVersion.objects.count() == 1


def test_an_alias_that_is_that_of_a_stage_is_left_with_the_reason(
    old_registry: str, project: Project, administrator: User
) -> None:
    Stage.objects.filter(slug="production").update(alias="champion")

    output = StringIO()
    with pytest.raises(CommandError, match="1 could not be imported"):
        call_command(
            "import_registry",
            old_registry,
            project=project.slug,
            by="root",
            models="fraud",
            stdout=output,
        )

    assert "left: fraud@champion: The alias “champion” is kept by mlgov" in output.getvalue()
    # It says what stands in the stage, which is the newest one that stood there.
    assert Alias.objects.get(name="champion").version.number == 4


@pytest.mark.parametrize(
    ("origin", "by", "said"),
    [
        ("http://127.0.0.1:9", "root", "does not answer"),
        ("http://somebody:secret@127.0.0.1:9", "root", "Leave the password out"),
        ("http://127.0.0.1:9", "nobody", "no administrator"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_a_sentence(
    project: Project,
    administrator: User,
    monkeypatch: pytest.MonkeyPatch,
    origin: str,
    by: str,
    said: str,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(CommandError, match=said):
        call_command("import_registry", origin, project=project.slug, by=by)
