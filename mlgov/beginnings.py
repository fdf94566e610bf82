"""Environments and stages to begin with, so that a first start is no empty room.

An administrator changes, adds and removes them in the admin; they are made only in an empty
installation.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.db import transaction

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.context import acting
from apps.deployments.targets.registry import target
from apps.projects.models import Project
from apps.runs.failures import RunFailure
from apps.stages.models import Colour, Environment, MlflowStage, Stage


@dataclass(frozen=True)
class Engine:
    """Where the first environments deploy to, and why."""

    target: str
    builder: str
    registry: str
    sentence: str


def choose_engine() -> Engine:
    """What the configuration says, else Docker where an engine answers."""
    wanted, registry = settings.CONFIGURATION.default_target, settings.CONFIGURATION.registry
    if wanted == "process":
        return _processes("The configuration asks for that.")
    if wanted == "docker":
        # Not asked whether it answers: only some workers reach the engine of a team.
        sentence = f"The configuration asks for Docker, with the registry at {registry}."
        return Engine("docker", "docker", registry, sentence)
    try:
        target("docker", {"docker_host": settings.CONFIGURATION.docker_url}).check()
    except RunFailure:
        return _processes("No Docker Engine answers on this machine.")
    if _registry_answers(registry):
        kept = f"Images are pushed to the registry at {registry}."
    else:
        kept = f"No registry answers at {registry}, so images stay on this engine."
        registry = ""
    sentence = f"Docker answers: models are built as images and run as containers. {kept}"
    return Engine("docker", "docker", registry, sentence)


def _processes(why: str) -> Engine:
    sentence = f"Models run as processes in environments of their own, without Docker. {why}"
    return Engine("process", "venv", "", sentence)


def _registry_answers(registry: str) -> bool:
    host = urlsplit(f"//{registry}").hostname or ""
    scheme = "http" if host in ("localhost", "127.0.0.1", "::1") else "https"
    try:
        # 401 is an answer, too: it wants the credentials that the environment will have.
        answer = requests.get(f"{scheme}://{registry}/v2/", timeout=3)
    except requests.RequestException:
        return False
    return answer.status_code in (200, 401)


def is_empty() -> bool:
    return not Stage.objects.exists() and not Project.objects.exists()


@transaction.atomic
def ensure_stages(engine: Engine, *, by: User | None) -> bool:
    """Make Staging, Production and Archived with their environments. Returns whether it did."""
    if not is_empty():
        return False
    with acting(via="command"):
        staging = _environment("staging", "Staging", engine, replicas=1, order=1, by=by)
        production = _environment("production", "Production", engine, replicas=2, order=2, by=by)
        for order, (name, colour, approvals, environment) in enumerate(
            (
                ("Staging", Colour.AMBER, 1, staging),
                ("Production", Colour.GREEN, 2, production),
                ("Archived", Colour.GREY, 0, None),
            ),
            start=1,
        ):
            stage = Stage.objects.create(
                slug=name.lower(),
                name=name,
                order=order,
                colour=colour,
                environment=environment,
                approvals_required=approvals,
                mlflow_stage=MlflowStage(name),
                single_occupancy=environment is not None,
            )
            record(actor=by, action="stage.create", obj=stage)
    return True


def _environment(
    slug: str, name: str, engine: Engine, *, replicas: int, order: int, by: User | None
) -> Environment:
    environment, is_new = Environment.objects.get_or_create(
        slug=slug,
        defaults={
            "name": name,
            "order": order,
            "target": engine.target,
            "builder": engine.builder,
            "registry": engine.registry,
            "replicas": replicas,
        },
    )
    if is_new:
        record(actor=by, action="environment.create", obj=environment)
    return environment
