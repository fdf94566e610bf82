"""An evaluation is a run: its report is checked and kept, its end is heard, its right asked."""

import json
from typing import Any

import pytest
from django.core import mail

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.builds.models import Build
from apps.core.errors import Conflict, Invalid, NotFound, NotPermitted
from apps.deployments import policies as run_policies
from apps.evaluations import measuring, policies, services
from apps.evaluations.models import Evaluation, EvaluationDataSet
from apps.evaluations.sandboxes.base import Written
from apps.notifications.models import Notification
from apps.projects import services as projects
from apps.registry.models import ModelVersion
from apps.runs import services as runs
from apps.runs.states import RunState
from apps.webhooks import services as webhooks
from tests import factories
from tests.builds.parts import drive
from tests.evaluations.conftest import CSV, Start
from tests.evaluations.parts import REPORT, MemorySandbox
from tests.listener import Listener

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_evaluation_keeps_the_report_under_its_digest_and_tells_who_asked(
    start: Start, version: ModelVersion, data_scientist: User, owner: User, listener: Listener
) -> None:
    webhooks.create_webhook(
        version.model,
        events=["EVALUATION_FINISHED", "EVALUATION_FAILED"],
        url=listener.url,
        by=owner,
    )
    evaluation = start(cohorts=["region"], sensitive=["sex"], seed=3)
    drive()

    evaluation.refresh_from_db()
    assert (evaluation.run.state, evaluation.report) == ("succeeded", REPORT)
    assert evaluation.report_sha256 == services.digest_of_report(REPORT)
    assert [step.name for step in evaluation.run.steps.all()] == [
        "prepare", "image", "evaluator", "measure", "keep",
    ]  # fmt: skip
    actions = set(activity_of(evaluation).values_list("action", flat=True))
    assert actions == {"evaluation.request", "evaluation.finish"}
    assert not Build.objects.exists()
    ((asked, job, data),) = MemorySandbox.seen
    assert data == CSV
    assert (asked.artifact_digest, asked.memory_mb) == (version.artifact_digest, 1024)
    assert job["features"] == [{"name": "a", "type": "double", "required": True}]
    assert (job["cohorts"], job["sensitive"], job["seed"]) == (["region"], ["sex"], 3)
    (told,) = Notification.objects.all()
    assert (told.user, told.kind, told.path) == (
        data_scientist, "evaluation.finished", f"/evaluations/{evaluation.pk}",
    )  # fmt: skip
    assert [message.subject for message in mail.outbox] == [
        "[credit] scoring v1 is evaluated on holdout"
    ]
    MemorySandbox.answer = Written(status=3, out_of_memory=True)
    start()
    drive()
    sent, failed = listener.told
    assert (sent["event"], sent["version"]) == ("EVALUATION_FINISHED", "1")
    assert sent["report_sha256"] == evaluation.report_sha256
    assert sent["data_set_sha256"] == evaluation.data_set.sha256
    assert (failed["event"], failed["error_code"]) == (
        "EVALUATION_FAILED", "evaluations.model.out-of-memory",
    )  # fmt: skip


def test_the_image_of_one_evaluation_is_used_by_the_next(start: Start) -> None:
    start()
    start()
    drive()

    first, second = MemorySandbox.seen
    assert first[0].image == second[0].image
    texts = [line.text for line in Evaluation.objects.latest("pk").run.log.all()]
    assert any("is there already and is used again" in text for text in texts)


LOAD_FAILED = '{"time": 1, "event": "load_failed", "error": "ModuleNotFoundError: lightgbm"}'


@pytest.mark.parametrize(
    ("answer", "code", "sentence"),
    [
        (
            Written(
                failure=b'{"code": "project.no-target", "text": "No column.", "remedy": "Do."}',
                status=3,
            ),
            "evaluations.project.no-target",
            "No column.",
        ),
        (
            Written(failure=b'{"code": "../../etc", "text": "", "remedy": ""}', status=3),
            "evaluations.platform.report-invalid",
            "has no code",
        ),
        (
            Written(report=b'{"format": 2}', status=0),
            "evaluations.platform.report-invalid",
            "not as mlgov's schema says",
        ),
        (
            Written(report=json.dumps({**REPORT, "rows": float("nan")}).encode(), status=0),
            "evaluations.platform.report-invalid",
            "holds NaN",
        ),
        (
            Written(report=b" " * (9 << 20), status=0),
            "evaluations.platform.report-too-large",
            "more than 8 MB",
        ),
        (
            Written(status=-9, evaluator_log="Killed"),
            "evaluations.platform.evaluator-failed",
            "without a report",
        ),
        (
            Written(status=3, model_ended=True, model_log=LOAD_FAILED),
            "evaluations.model.load-failed",
            "ModuleNotFoundError: lightgbm",
        ),
        (
            Written(status=3, model_ended=True, model_log="Segmentation fault"),
            "evaluations.model.died",
            "Segmentation fault",
        ),
        (
            Written(status=3, out_of_memory=True),
            "evaluations.model.out-of-memory",
            "more memory than it may",
        ),
        (TimeoutError(), "evaluations.model.timeout", "longer than 1800 seconds"),
    ],
)
def test_what_goes_wrong_is_a_sentence_with_a_way_out(
    start: Start, answer: Any, code: str, sentence: str
) -> None:
    MemorySandbox.answer = answer
    evaluation = start()
    drive()

    evaluation.refresh_from_db()
    run = evaluation.run
    assert (run.state, run.error_code, evaluation.report) == ("failed", code, None)
    assert sentence in run.error_text
    assert run.error_remedy
    assert activity_of(evaluation).filter(action="evaluation.fail").count() == 1
    assert sentence in Notification.objects.get(kind="evaluation.failed").text


def test_an_evaluation_of_a_lost_worker_is_started_again_three_times(start: Start) -> None:
    evaluation = start()
    for _ in range(3):
        evaluation.refresh_from_db()
        run = evaluation.run
        run.state, run.token = "running", "x"
        run.save()
        runs.finish(run, RunState.FAILED, code="runs.platform.worker-lost", text="Silent.")
        drive(runs_too=False)

    evaluation.refresh_from_db()
    assert (evaluation.attempt, evaluation.run.state) == (3, "failed")


def test_who_lost_the_right_meanwhile_measures_nothing(
    start: Start, data_scientist: User, owner: User
) -> None:
    evaluation = start()
    projects.remove_member(data_scientist.memberships.get(), by=owner)
    drive()

    evaluation.refresh_from_db()
    assert evaluation.run.error_code == "evaluations.project.not-permitted"
    assert MemorySandbox.seen == []


def test_a_withdrawn_data_set_is_not_measured_on(
    start: Start, data_set: EvaluationDataSet, data_scientist: User
) -> None:
    evaluation = start()
    services.withdraw_data_set(data_set, by=data_scientist, reason="Personal data.")
    drive()

    evaluation.refresh_from_db()
    assert evaluation.run.error_code == "evaluations.project.data-set-withdrawn"
    assert not policies.data_sets.visible_to(data_scientist).exists()
    with pytest.raises(NotFound):
        start()


def test_a_cancelled_evaluation_ends_without_a_report(start: Start, reviewer: User) -> None:
    evaluation = start()
    services.cancel(evaluation, by=reviewer)
    drive()

    evaluation.refresh_from_db()
    assert (evaluation.run.state, MemorySandbox.seen) == ("cancelled", [])
    with pytest.raises(Conflict, match="has ended already"):
        services.cancel(evaluation, by=reviewer)


def test_viewers_see_evaluations_and_start_none(start: Start, viewer: User, stranger: User) -> None:
    evaluation = start()

    assert policies.evaluations.visible_to(viewer).get() == evaluation
    assert run_policies.runs.visible_to(viewer).filter(pk=evaluation.run_id).exists()
    with pytest.raises(NotPermitted):
        start(by=viewer)
    with pytest.raises(NotPermitted):
        services.cancel(evaluation, by=viewer)
    assert not policies.evaluations.visible_to(stranger).exists()
    assert not policies.data_sets.visible_to(stranger).exists()
    assert not run_policies.runs.visible_to(stranger).exists()
    with pytest.raises(NotFound):
        start(by=stranger)


def test_a_data_set_of_another_project_is_none(
    version: ModelVersion, data_set: EvaluationDataSet, stranger: User, start: Start
) -> None:
    elsewhere = factories.make_project("far-away", owner=stranger)
    EvaluationDataSet.objects.filter(pk=data_set.pk).update(project=elsewhere)
    data_set.refresh_from_db()

    with pytest.raises(NotFound):
        start()


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"target": "truth"}, "no column “truth”"),
        ({"cohorts": ["x"]}, "no column “x”"),
        ({"sensitive": ["label"]}, "target cannot be"),
        ({"kind": "ranking"}, "no kind of prediction"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_it_waits(
    start: Start, asked: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        start(**asked)
    assert not Evaluation.objects.exists()


def test_only_some_evaluations_of_a_version_wait_at_once(start: Start) -> None:
    for _ in range(services.MOST_AT_ONCE):
        start()

    with pytest.raises(Conflict, match="wait or run already"):
        start()


def test_the_schema_is_one_and_takes_the_report() -> None:
    assert list(measuring._validator().iter_errors(REPORT)) == []
    broken = {**REPORT, "metrics": [{"name": "accuracy"}]}
    assert list(measuring._validator().iter_errors(broken))
