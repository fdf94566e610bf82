"""What an evaluation does, step by step. Every step may be repeated after a crash."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from jsonschema import Draft202012Validator

from apps.builds import last_words, packing
from apps.builds import queries as build_queries
from apps.builds.builders import runtime
from apps.builds.models import ModelImage
from apps.core import strict_json
from apps.core.digests import CHUNK
from apps.core.errors import DomainError, Invalid
from apps.evaluations import queries, services
from apps.evaluations.models import Evaluation
from apps.evaluations.sandboxes import registry as sandboxes
from apps.evaluations.sandboxes.base import MOST_REPORT_BYTES, Measuring, Sandbox, Written
from apps.registry import storage
from apps.runs.failures import RunFailure
from apps.runs.models import Run
from apps.runs.runners import RunContext
from apps.runs.states import UNFINISHED
from apps.stages.models import Environment

SECONDS = 1_800
START_SECONDS = 180
SCHEMA = Path(__file__).parent / "schema" / "report-1.json"
CODE = re.compile(r"(model|project)\.[a-z-]{1,40}")
LONGEST_SENTENCE = 2_000


def measure(evaluation: Evaluation, ctx: RunContext) -> None:
    """Start the version apart from everything, measure it on the data set, keep the report."""
    evaluation = Evaluation.objects.select_related(
        "version__model__project", "data_set", "environment", "run"
    ).get(pk=evaluation.pk)
    with _in_words(), _files(evaluation, ctx) as files:
        with ctx.step("prepare", "Check the sandbox"):
            sandbox = sandbox_for(evaluation.environment)
            sandbox.check()
            sandbox.sweep(_living())
            _require_same_content(evaluation)
        with ctx.step("image", "The version in its own environment"):
            image = _image(evaluation, sandbox, ctx)
        with ctx.step("evaluator", "The environment that measures"):
            evaluator = packing.environment_of(runtime.EVALUATOR, evaluation.environment, ctx)
            ctx.log(f"{evaluator.reference} measures.")
        with ctx.step("measure", "Measure"):
            written = _run(sandbox, evaluation, image, evaluator.reference, files, ctx)
            report = report_of(written, ctx)
        with ctx.step("keep", "Keep the report"):
            kept = services.keep_report(evaluation, report, ctx)
            ctx.log(f"The report has the digest sha256:{kept.report_sha256}.")


def sandbox_for(environment: Environment) -> Sandbox:
    """The sandbox of an environment, told where this installation keeps its things."""
    instance = f"{settings.MLGOV_BASE_URL} {settings.MLGOV_DATA_DIR}"
    ours = {
        "work_dir": str(settings.MLGOV_DATA_DIR / "evaluations"),
        "docker_host": settings.CONFIGURATION.docker_url,
        "instance": hashlib.sha256(instance.encode()).hexdigest()[:16],
    }
    given = {name: value for name, value in ours.items() if value}
    return sandboxes.sandbox(environment.builder, {**given, **environment.options})


def job_of(evaluation: Evaluation) -> dict[str, Any]:
    """What the evaluator is told."""
    version, data_set = evaluation.version, evaluation.data_set
    return {
        "kind": evaluation.kind,
        "target": evaluation.target,
        "format": data_set.format,
        "features": queries.inputs_of(version),
        "positive": evaluation.positive,
        "prediction_column": evaluation.prediction_column,
        "cohorts": evaluation.cohorts,
        "sensitive": evaluation.sensitive,
        "threshold": evaluation.threshold,
        "seed": evaluation.seed,
        "min_rows": evaluation.min_rows,
        "explains": True,
        "seconds": _seconds(evaluation) * 0.8,
        "start_seconds": START_SECONDS,
        "facts": {
            "model": version.model.name,
            "version": version.number,
            "artifact_digest": evaluation.artifact_digest,
            "model_bytes": version.artifact_bytes,
            "data_set": data_set.name,
            "data_set_sha256": data_set.sha256,
        },
    }


def report_of(written: Written, ctx: RunContext) -> dict[str, Any]:
    """The report that was written, or the failure that stands for it."""
    for line in written.evaluator_log.splitlines():
        ctx.log(line)
    if written.report is not None and written.status == 0:
        return _checked(written.report)
    if written.model_log:
        ctx.log("The last lines of the model:")
        ctx.log(written.model_log)
    if written.model_ended or written.out_of_memory:
        raise _ended(written)
    if written.failure is not None:
        raise _told(written.failure)
    raise RunFailure(
        "evaluations.platform.evaluator-failed",
        f"The evaluator ended with status {written.status} and without a report.",
        "Look at its last lines in the log. If it ran out of memory, upload a sample of the data "
        "set; else show the platform's people this run.",
    )


def _image(evaluation: Evaluation, sandbox: Sandbox, ctx: RunContext) -> ModelImage:
    version, environment = evaluation.version, evaluation.environment
    found = build_queries.image_for(version, environment)
    if found is not None and sandbox.has(found.reference, _registry_auth(environment)):
        ctx.log(f"{found.reference} is there already and is used again.")
        return found
    return packing.image_of(version, environment, run_id=evaluation.run_id, ctx=ctx)


def _run(
    sandbox: Sandbox,
    evaluation: Evaluation,
    image: ModelImage,
    evaluator: str,
    files: dict[str, Path],
    ctx: RunContext,
) -> Written:
    environment = evaluation.environment
    seconds = _seconds(evaluation)
    measuring = Measuring(
        name=name_of(evaluation.run_id),
        image=image.reference,
        environment=image.environment_image.reference,
        artifact_digest=evaluation.artifact_digest,
        evaluator=evaluator,
        files=files,
        seconds=seconds,
        cpu=float(environment.cpu),
        memory_mb=environment.memory_mb,
        registry_auth=_registry_auth(environment),
    )
    try:
        return sandbox.run(measuring, ctx)
    except TimeoutError as error:
        raise RunFailure(
            "evaluations.model.timeout",
            f"The evaluation took longer than {seconds:g} seconds and was ended.",
            "Evaluate on fewer rows, or have evaluation_seconds raised in the options of the "
            f"environment “{environment}”.",
        ) from error


def name_of(run_id: int) -> str:
    return f"mlgov-evaluation-{run_id}"


def _living() -> set[str]:
    found = Run.objects.filter(kind=services.EVALUATE, state__in=UNFINISHED)
    return {name_of(pk) for pk in found.values_list("pk", flat=True)}


def _seconds(evaluation: Evaluation) -> float:
    return float(evaluation.environment.options.get("evaluation_seconds") or SECONDS)


def _registry_auth(environment: Environment) -> tuple[str, str] | None:
    if not environment.registry_username:
        return None
    return (environment.registry_username, environment.registry_password)


def _require_same_content(evaluation: Evaluation) -> None:
    version = evaluation.version
    if not version.is_ready or version.artifact_digest != evaluation.artifact_digest:
        raise RunFailure(
            "evaluations.project.version-gone",
            f"{version} was deleted meanwhile.",
            "Nothing was measured. Evaluate a version that is there.",
        )
    if evaluation.data_set.withdrawn_at is not None:
        raise RunFailure(
            "evaluations.project.data-set-withdrawn",
            f"The data set “{evaluation.data_set}” was withdrawn meanwhile.",
            "Start the evaluation again on another data set.",
        )


@contextmanager
def _files(evaluation: Evaluation, ctx: RunContext) -> Iterator[dict[str, Path]]:
    """What the evaluator is given, in a directory that is removed afterwards."""
    home = settings.MLGOV_DATA_DIR / "work"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    living = _living()
    for left in home.glob(f"{name_of(0)[:-1]}*"):
        if left.name not in living:
            shutil.rmtree(left, ignore_errors=True)
    directory = home / name_of(evaluation.run_id)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    try:
        job, data = directory / "job.json", directory / "data"
        job.write_text(json.dumps(job_of(evaluation)))
        with storage.open_blob(evaluation.data_set.sha256) as source, data.open("wb") as copy:
            while chunk := source.read(CHUNK):
                ctx.check()
                copy.write(chunk)
        yield {"job.json": job, "data": data}
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _checked(raw: bytes) -> dict[str, Any]:
    if len(raw) > MOST_REPORT_BYTES:
        raise RunFailure(
            "evaluations.platform.report-too-large",
            f"The report has more than {MOST_REPORT_BYTES >> 20} MB.",
            "Choose fewer columns for groups, then start the evaluation again.",
        )
    try:
        # Also what only one of the databases would refuse later.
        report = strict_json.parse(raw.decode(), what="The report")
    except UnicodeDecodeError as error:
        raise _odd_report(str(error)) from error
    except Invalid as refusal:
        raise _odd_report(refusal.message) from refusal
    for wrong in _validator().iter_errors(report):
        raise _odd_report(f"{wrong.json_path}: {wrong.message[:200]}")
    assert isinstance(report, dict)
    return report


def _odd_report(reason: str) -> RunFailure:
    return RunFailure(
        "evaluations.platform.report-invalid",
        f"The report is not as mlgov's schema says: {reason}",
        "Nothing was kept. Show the platform's people this run.",
    )


def _told(raw: bytes) -> RunFailure:
    try:
        said = json.loads(raw)
        code, text, remedy = (str(said[name]) for name in ("code", "text", "remedy"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _odd_report("the failure that it tells cannot be read") from error
    if not CODE.fullmatch(code):
        raise _odd_report("the failure that it tells has no code")
    owner, _, what = code.partition(".")
    text, remedy = text[:LONGEST_SENTENCE], remedy[:LONGEST_SENTENCE]
    if owner == "model":
        return RunFailure(f"evaluations.model.{what}", text, remedy)
    return RunFailure(f"evaluations.project.{what}", text, remedy)


def _ended(written: Written) -> RunFailure:
    if failure := last_words.load_failure(written.model_log):
        return RunFailure(
            "evaluations.model.load-failed",
            f"In the sandbox {failure}",
            "Log the model again so that it loads in an environment with its own requirements "
            "only: often a package or a local module is missing from them.",
        )
    if written.out_of_memory:
        return RunFailure(
            "evaluations.model.out-of-memory",
            "The model used more memory than it may and was ended.",
            "Evaluate on fewer rows, or ask for more memory in the environment.",
        )
    words = last_words.last_words(written.model_log)
    return RunFailure(
        "evaluations.model.died",
        f"The model's server ended while it was measured{': ' if words else '.'}{words}",
        "Look at its last lines in the log. Call the model locally on the same rows.",
    )


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text()))


@contextmanager
def _in_words() -> Iterator[None]:
    """Refusals of other apps as failures of the run."""
    try:
        yield
    except DomainError as refusal:
        raise RunFailure(
            f"evaluations.platform.{refusal.code.replace('_', '-')}",
            refusal.message,
            "Mend what the sentence names, then start the evaluation again.",
        ) from refusal
