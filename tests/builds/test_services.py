from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.builds import queries, services
from apps.builds.models import Build, EnvironmentImage, ModelImage
from apps.core.errors import Conflict, NotFound, NotPermitted
from apps.outbox.models import OutboxMessage
from apps.registry.models import ModelVersion, RegisteredModel
from apps.runs import services as runs
from apps.runs.models import Run
from apps.runs.states import RunState
from apps.stages.models import Environment
from tests import factories
from tests.builds.parts import drive


@pytest.fixture
def environment(db: None) -> Environment:
    return factories.make_environment("sandbox", registry="registry.test:5000")


@pytest.fixture
def version(model: RegisteredModel, data_scientist: User) -> ModelVersion:
    return factories.make_stored_version(model, by=data_scientist)


def request(version: ModelVersion, environment: Environment, by: User | None = None) -> Build:
    return services.request_build(
        version,
        environment,
        by=by,
        artifact_digest=version.artifact_digest,
        review_id=7,
    )


def log_of(build: Build) -> str:
    return "\n".join(line.text for line in build.run.log.all())


def actions(build: Build) -> list[str]:
    return [event.action for event in activity_of(build).order_by("id")]


def said(event: str) -> int:
    return OutboxMessage.objects.filter(event=event).count()


def lose_the_worker(run: Run) -> None:
    """What is left of a run whose worker was killed."""
    claimed = runs.claim(run.pk, worker="gone:1")
    assert claimed is not None
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    runs.sweep()


def test_a_build_makes_an_image_of_what_was_approved(
    version: ModelVersion, environment: Environment, owner: User
) -> None:
    build = request(version, environment, by=owner)
    drive()

    build.refresh_from_db()
    image = ModelImage.objects.get()
    assert (build.run.state, build.image) == (RunState.SUCCEEDED, image)
    assert image.artifact_digest == version.artifact_digest
    assert queries.image_for(version, environment) == image
    assert [(s.name, s.state) for s in build.run.steps.all()] == [
        ("prepare", "succeeded"),
        ("verify", "succeeded"),
        ("environment", "succeeded"),
        ("image", "succeeded"),
    ]
    assert actions(build) == ["build.request", "build.finish"]
    assert said("builds.BuildFailed") == 0


def test_the_image_is_labelled_with_what_it_holds_and_who_approved_it(
    version: ModelVersion, environment: Environment
) -> None:
    build = request(version, environment)
    drive()

    for label in (
        "org.mlgov.model=scoring",
        "org.mlgov.version=1",
        f"org.mlgov.digest={version.artifact_digest}",
        "org.mlgov.review=7",
        "org.mlgov.project=credit",
        f"org.mlgov.build={build.pk}",
    ):
        assert label in log_of(build)


def test_versions_with_equal_requirements_share_an_environment_image(
    version: ModelVersion, environment: Environment, model: RegisteredModel, owner: User
) -> None:
    second = factories.make_stored_version(model, by=owner)
    other = factories.make_stored_version(model, by=owner, requirements=["xgboost==3.0.0"])
    for each in (version, second, other):
        request(each, environment)
    drive()

    assert (EnvironmentImage.objects.count(), ModelImage.objects.count()) == (2, 3)
    first_two = ModelImage.objects.filter(version__in=(version, second))
    assert len({image.environment_image_id for image in first_two}) == 1


def test_whoever_asks_while_an_image_is_being_made_gets_that_build(
    version: ModelVersion, environment: Environment
) -> None:
    same_builder = factories.make_environment("mirror", registry=environment.registry)
    elsewhere = factories.make_environment("far", registry="other.test:5000")

    first = request(version, environment)

    assert request(version, environment) == first
    assert request(version, same_builder) == first
    assert request(version, elsewhere) != first


def test_other_content_than_was_approved_is_not_built(
    version: ModelVersion, environment: Environment
) -> None:
    artifact = version.artifacts.get()
    other = factories.make_stored_version(version.model, by=version.registered_by)
    artifact.sha256 = other.artifacts.get().sha256
    artifact.save()

    build = request(version, environment)
    drive()

    build.run.refresh_from_db()
    assert (build.run.state, build.run.error_code) == (
        RunState.FAILED,
        "builds.platform.digest-mismatch",
    )
    assert version.artifact_digest in build.run.error_text
    assert not ModelImage.objects.exists()
    assert actions(build) == ["build.request", "build.fail"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"unreachable": True}, "builds.platform.engine-unreachable"),
        ({"conflict": True}, "builds.model.requirements-conflict"),
    ],
)
def test_a_failure_has_a_code_and_is_told(
    version: ModelVersion, environment: Environment, options: dict[str, bool], code: str
) -> None:
    environment.options = options
    environment.save()
    build = request(version, environment)
    drive()

    build.run.refresh_from_db()
    assert (build.run.state, build.run.error_code) == (RunState.FAILED, code)
    assert said("builds.BuildFailed") == 1
    assert Build.objects.count() == 1


def test_an_unknown_builder_is_a_failure_and_not_a_crash(
    version: ModelVersion, environment: Environment
) -> None:
    environment.builder = "abacus"
    environment.save()
    build = request(version, environment)
    drive()

    build.run.refresh_from_db()
    assert build.run.error_code == "builds.platform.invalid"
    assert "There is no builder 'abacus'" in build.run.error_text


def test_a_missing_artifact_is_a_failure_with_a_sentence(
    version: ModelVersion, environment: Environment
) -> None:
    artifact = version.artifacts.get()
    artifact.sha256 = "0" * 64
    artifact.save()
    build = request(version, environment)
    drive()

    build.run.refresh_from_db()
    assert build.run.error_code == "builds.platform.store-failed"
    assert "artifact store" in build.run.error_text


def test_the_registry_password_is_not_in_the_log(
    version: ModelVersion, environment: Environment
) -> None:
    environment.registry_username, environment.registry_password = "robot", "sandbox"
    environment.save()
    build = request(version, environment)
    drive()

    assert "sandbox" not in log_of(build)


def test_nothing_of_a_build_stays_in_the_data_directory(
    version: ModelVersion, environment: Environment
) -> None:
    left_by_a_killed_worker = settings.MLGOV_DATA_DIR / "work" / "build-0"
    left_by_a_killed_worker.mkdir(parents=True)
    request(version, environment)
    drive()

    assert list((settings.MLGOV_DATA_DIR / "work").iterdir()) == []


def test_a_build_whose_worker_was_lost_is_tried_again(
    version: ModelVersion, environment: Environment
) -> None:
    first = request(version, environment)
    lose_the_worker(first.run)
    drive()

    second = Build.objects.first()
    assert second is not None
    assert (second.attempt, second.run.state, Build.objects.count()) == (2, RunState.SUCCEEDED, 2)
    assert said("builds.BuildFailed") == 0
    assert actions(first) == ["build.request", "build.fail"]


def test_a_build_that_loses_its_worker_again_and_again_fails(
    version: ModelVersion, environment: Environment
) -> None:
    request(version, environment)
    for _ in range(services.ATTEMPTS + 2):
        drive(runs_too=False)
        build = Build.objects.select_related("run").first()
        assert build is not None
        if not build.run.is_finished:
            lose_the_worker(build.run)

    drive(runs_too=False)
    assert Build.objects.count() == services.ATTEMPTS
    assert said("builds.BuildFailed") == 1


def test_hearing_of_the_same_end_twice_is_harmless(
    version: ModelVersion, environment: Environment
) -> None:
    build = request(version, environment)
    drive()
    services.settle(build.run_id)

    assert actions(build) == ["build.request", "build.finish"]
    assert said("builds.ImageBuilt") == 1


def test_the_end_of_another_run_is_none_of_our_business(db: None) -> None:
    services.settle(0)


def test_two_builds_of_the_same_image_make_one_row(
    version: ModelVersion, environment: Environment
) -> None:
    request(version, environment)
    drive()
    request(version, environment)
    drive()

    assert (Build.objects.count(), ModelImage.objects.count()) == (2, 1)


def test_a_person_retries_a_failed_build(
    version: ModelVersion, environment: Environment, data_scientist: User
) -> None:
    environment.options = {"unreachable": True}
    environment.save()
    failed = request(version, environment)
    drive()
    environment.options = {}
    environment.save()

    again = services.retry(failed, by=data_scientist)
    drive()

    again.refresh_from_db()
    assert (again.run.state, again.attempt) == (RunState.SUCCEEDED, 1)
    assert again.run.requested_by == data_scientist
    with pytest.raises(Conflict, match="tried again already"):
        services.retry(failed, by=data_scientist)
    with pytest.raises(Conflict, match="only a failed or cancelled one"):
        services.retry(again, by=data_scientist)


def test_a_viewer_may_not_retry_and_a_stranger_sees_nothing(
    version: ModelVersion, environment: Environment, viewer: User, stranger: User
) -> None:
    build = request(version, environment)
    for verb in (services.retry, services.cancel):
        with pytest.raises(NotPermitted):
            verb(build, by=viewer)
        with pytest.raises(NotFound):
            verb(build, by=stranger)
    assert Run.objects.get().cancel_requested is False


def test_a_cancelled_build_is_told_and_can_be_retried(
    version: ModelVersion, environment: Environment, owner: User
) -> None:
    build = request(version, environment)
    services.cancel(build, by=owner)
    drive()

    assert Run.objects.get().state == RunState.CANCELLED
    assert actions(build) == ["build.request", "build.cancel", "build.end"]
    assert said("builds.BuildFailed") == 1
    assert request(version, environment) != build


def test_an_image_of_other_content_is_not_offered(
    version: ModelVersion, environment: Environment
) -> None:
    request(version, environment)
    drive()

    other = f"sha256:{'0' * 64}"
    assert queries.image_for(version, environment, artifact_digest=other) is None
