"""One of everything that the REST API shows, for tests that go through all of it."""

from dataclasses import dataclass

from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.deployments import services as deployments
from apps.deployments.models import Deployment, Endpoint, Rollout
from apps.notifications.models import Notification
from apps.projects.models import Project
from apps.registry.models import Lineage, ModelVersion
from apps.reviews import services as reviews
from apps.reviews.models import ReviewRequest
from apps.runs.models import Run, RunLogLine, RunStep
from apps.stages.models import Stage, StageMove, StageOverride
from tests import factories


@dataclass(frozen=True)
class World:
    project: Project
    version: ModelVersion
    review: ReviewRequest
    deployment: Deployment
    run: Run
    token: int
    key: int
    notification: int


def make_world(
    owner: User, version: ModelVersion, staging: Stage, reviewers: list[User], asker: User
) -> World:
    project = version.model.project
    environment = factories.make_environment("staging")
    review = reviews.request_review(
        version, stage=staging, reviewers=reviewers, note="Please look.", by=asker
    )
    StageOverride.objects.create(stage=staging, project=project, approvals_required=2)
    Lineage.objects.create(version=version, document={"parameters": {}})
    move = StageMove.objects.create(
        version=version, to_stage=staging, by=owner, artifact_digest=version.artifact_digest
    )
    endpoint = Endpoint.objects.create(
        project=project, environment=environment, model=version.model, slug="scoring-staging"
    )
    deployment = Deployment.objects.create(
        endpoint=endpoint, version=version, move=move, state="failed"
    )
    run = Run.objects.create(
        kind="deployments.rollout",
        title="Deploy",
        queue="deployments",
        state="failed",
        finished_at=timezone.now(),
        error_code="deployments.model.does-not-start",
        error_text="It does not start.",
    )
    step = RunStep.objects.create(run=run, name="start", title="Start")
    RunLogLine.objects.create(run=run, step=step, text="hello")
    RunLogLine.objects.create(run=run, text="bye")
    Rollout.objects.create(deployment=deployment, run=run, finished_at=timezone.now())
    key, _ = deployments.create_api_key(endpoint, name="caller", by=owner)
    token, _ = accounts.create_token(owner, name="laptop", by=owner)
    notification = Notification.objects.create(
        user=owner, key="k", kind="review", subject="Look", path="/"
    )
    return World(project, version, review, deployment, run, token.pk, key.pk, notification.pk)
