"""One of everything, in one project, for rows that need something to point at."""

from dataclasses import dataclass

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from apps.access.models import AccessReview, Rule
from apps.accounts import services as accounts
from apps.accounts.models import AccessToken, User
from apps.audit.models import AuditEvent
from apps.cards.models import VersionComment
from apps.deployments.models import ApiKey, Deployment, Endpoint
from apps.notifications.models import Notification
from apps.outbox.models import MessageState, OutboxMessage
from apps.projects.models import Membership, NamePrefix, Project
from apps.registry.models import LabelRule, Lineage, ModelVersion
from apps.registry.services.ingests import start_ingest
from apps.reviews import queries, services
from apps.reviews.models import ReviewRequest
from apps.runs.models import Run
from apps.stages.models import Stage, StageMove, StageOverride
from apps.tracking.models import ArtifactStore, Experiment, StoreAccess, TrackingServer
from apps.webhooks.models import RegistryWebhook
from tests import factories


@dataclass(frozen=True)
class World:
    people: dict[str, User | None]
    project: Project
    version: ModelVersion
    failed_version: ModelVersion
    stage: Stage
    archived: Stage
    review: ReviewRequest
    deployment: Deployment
    key: ApiKey
    run: Run
    event: AuditEvent
    message: OutboxMessage
    notification: Notification
    token: AccessToken
    session: UserSession
    member: Membership
    prefix: NamePrefix
    rule: LabelRule
    access_rule: Rule
    access_review: AccessReview
    server: TrackingServer
    access: StoreAccess
    comment: VersionComment
    experiment: Experiment
    webhook: RegistryWebhook
    risk_reviewer: User

    @property
    def name(self) -> str:
        return self.version.model.name

    @property
    def digest(self) -> str:
        return queries.content_digest(self.review)


@transaction.atomic
def make_world() -> World:
    owner, scientist = factories.make_user("owner"), factories.make_user("scientist")
    reviewer, risk_reviewer = factories.make_user("reviewer"), factories.make_user("risk-reviewer")
    viewer, stranger = factories.make_user("viewer"), factories.make_user("stranger")
    infrastructure = factories.make_user("infrastructure")
    infrastructure.groups.add(Group.objects.get_or_create(name="infrastructure-admins")[0])
    administrator = factories.make_user("administrator", is_superuser=True, is_staff=True)
    project = factories.make_project("credit", owner=owner)
    factories.make_project("elsewhere", owner=stranger)
    domain, risk = factories.make_reviewer_role("domain"), factories.make_reviewer_role("risk")
    factories.join(project, scientist, "data_scientist")
    factories.join(project, reviewer, "reviewer", domain)
    factories.join(project, risk_reviewer, "reviewer", risk)
    member = factories.join(project, viewer, "viewer")
    environment = factories.make_environment("staging")
    stage = factories.make_stage(
        "staging", domain, approvals_required=2, order=1, environment=environment
    )
    archived = factories.make_stage("archived", approvals_required=0, order=9)
    StageOverride.objects.create(stage=stage, project=project, approvals_required=2)
    model = factories.make_model(project, "späte Fälle 100% v.1", by=scientist)
    version = factories.make_version(
        model, by=scientist, source_run_id="0123456789abcdef", experiment_id="7"
    )
    document = {"run": {"id": version.source_run_id}, "metrics": [{"name": "auc", "value": 0.9}]}
    Lineage.objects.create(version=version, document=document)
    failed = factories.make_version(model, by=scientist, state="FAILED_REGISTRATION")
    review = services.request_review(
        version, stage=stage, reviewers=[reviewer, owner], note="Please.", by=scientist
    )
    deployment = _deployment(project, version, stage, by=scientist)
    key = ApiKey.objects.create(
        endpoint=deployment.endpoint, name="batch", prefix="abcdef", digest="0" * 64,
        created_by=owner,
    )  # fmt: skip
    server = TrackingServer.objects.create(slug="team", name="Team", url="http://127.0.0.1:1")
    store = ArtifactStore.objects.create(
        slug="bucket", name="Bucket", root="s3://models", endpoint_url="http://127.0.0.1:1"
    )
    return World(
        people={
            "anonymous": None,
            "stranger": stranger,
            "viewer": viewer,
            "reviewer": reviewer,
            "scientist": scientist,
            "owner": owner,
            "infrastructure": infrastructure,
            "administrator": administrator,
        },
        project=project,
        version=version,
        failed_version=failed,
        stage=stage,
        archived=archived,
        review=review,
        deployment=deployment,
        key=key,
        run=start_ingest(failed, by=scientist, asked_for="register").run,
        event=AuditEvent.objects.filter(project_id=project.pk).earliest("pk"),
        message=OutboxMessage.objects.create(
            event="a.B", subscriber="c.d", payload={}, state=MessageState.STUCK,
            due_at=timezone.now(),
        ),
        notification=Notification.objects.create(
            user=viewer, key="k", kind="k", subject="Something", path="/projects/credit"
        ),
        session=UserSession.objects.create(
            user=viewer, session_key="a" * 32, ip="127.0.0.1", user_agent="Firefox"
        ),
        token=accounts.create_token(viewer, name="notebook", by=viewer)[0],
        member=member,
        prefix=NamePrefix.objects.create(project=project, prefix="loans-"),
        rule=LabelRule.objects.create(project=project, kind="alias", pattern="prod*", roles=[]),
        access_rule=Rule.objects.create(
            name="Nobody", effect="deny", actions=["view"], author=administrator,
            conditions=['user.username is "nobody"'],
        ),
        access_review=AccessReview.objects.create(
            project_id=project.pk, project_name="Credit", signed_by=owner, digest="",
            document={"visibility": "private", "table": []},
        ),
        server=server,
        access=StoreAccess.objects.create(project=project, store=store),
        comment=VersionComment.objects.create(version=version, by=scientist, text="Mine."),
        experiment=Experiment.objects.create(experiment_id="7", project=project),
        webhook=RegistryWebhook.objects.create(
            dialect="mlflow", project=project, name="ci", events=["prompt.created"],
            url="http://127.0.0.1:1/", created_by=owner,
        ),
        risk_reviewer=risk_reviewer,
    )  # fmt: skip


def _deployment(project: Project, version: ModelVersion, stage: Stage, *, by: User) -> Deployment:
    move = StageMove.objects.create(
        version=version, to_stage=stage, by=by, artifact_digest=version.artifact_digest
    )
    endpoint = Endpoint.objects.create(
        project=project, environment=stage.environment, model=version.model, slug="late-staging"
    )
    return Deployment.objects.create(
        endpoint=endpoint, version=version, move=move, state="serving", traffic=100,
        serving_since=timezone.now(),
    )  # fmt: skip
