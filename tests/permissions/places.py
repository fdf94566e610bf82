"""One of everything in a project, for each project; and of what is a person's own, for each person.

A place holds what addresses and bodies name. `missing` names nothing that there is, and `mixed`
takes the parents of one place and the children of another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

from allauth.account.forms import EmailAwarePasswordResetTokenGenerator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone

from apps.access import services as access
from apps.accounts import services as accounts
from apps.accounts.models import About, Attribute, SetBy, User
from apps.audit.models import AuditEvent
from apps.builds.builders.base import Unheard
from apps.cards import services as cards
from apps.cards.models import ReportFile, SectionRule, VersionComment
from apps.deployments.models import ApiKey, Deployment, Endpoint
from apps.evaluations import logged
from apps.evaluations import services as evaluations
from apps.notifications.models import Notification
from apps.outbox.models import MessageState, OutboxMessage
from apps.projects import access_reviews
from apps.projects.access_tables import digest_of_table, table_of
from apps.projects.models import NamePrefix, Project
from apps.registry.models import Alias, LabelRule, Lineage, ModelVersion
from apps.registry.services.ingests import start_ingest
from apps.reviews import queries, services
from apps.stages.models import Environment, Stage, StageMove, StageOverride
from apps.tracking.models import ArtifactStore, Experiment, StoreAccess, TrackingServer
from apps.webhooks.models import RegistryWebhook
from scripts.permissions import KINDS, Kind
from tests import factories
from tests.evaluations.parts import REPORT
from tests.permissions import rows
from tests.security_keys import registration
from tests.sessions import sign_in

NOWHERE = 999_999
MARK = "the eel swims upstream at night"
HANDLER = Client().handler
ROWS = b"a,label\n1,0\n2,1\n"


@dataclass(frozen=True)
class Place:
    """What is there, by the words that addresses and bodies have for it."""

    project: str = "no-such-project"
    project_pk: int = NOWHERE
    model: str = "no-such-model"
    number: int = NOWHERE
    artifact: str = "no-such-file"
    part: str = "overview"
    format: str = "html"
    model_pk: int = NOWHERE
    revision: int = NOWHERE
    access_review: int = NOWHERE
    alias: str = "no-such-alias"
    review: int = NOWHERE
    requester: str = "no-such-person"
    digest: str = "sha256:0"
    comment: int = NOWHERE
    report: int = NOWHERE
    deployment: int = NOWHERE
    endpoint: str = "no-such-endpoint"
    key: int = NOWHERE
    run: int = NOWHERE
    data_set: int = NOWHERE
    evaluation: int = NOWHERE
    evaluation_rule: int = NOWHERE
    logged: str = "no-such-key"
    training_run: str = "ffffffffffffffff"
    experiment: str = "888888"
    event: int = NOWHERE
    version: int = NOWHERE
    member: int = NOWHERE
    member_name: str = "no-such-person"
    # Somebody more who may review.
    asked: int = NOWHERE
    asked_name: str = "no-such-person"
    prefix: int = NOWHERE
    rule: int = NOWHERE
    section_rule: int = NOWHERE
    store: int = NOWHERE
    webhook: int = NOWHERE
    model_webhook: int = NOWHERE
    # What belongs to a person.
    notification: int = NOWHERE
    session: int = NOWHERE
    token: int = NOWHERE
    security_key: int = NOWHERE
    account: str = "no-such-account"
    account_token: int = NOWHERE
    # What the admin has pages of, by its model, such as "stages.stage".
    rows: Mapping[str, str] = field(default_factory=dict)

    def row(self, model: str) -> str:
        return self.rows.get(model, str(NOWHERE))


MISSING = Place()
# What stands at the beginning of addresses with several names.
PARENTS = ("project", "model", "deployment", "account")


def mixed(parents: Place, children: Place) -> Place:
    return replace(children, **{name: getattr(parents, name) for name in PARENTS})


@dataclass(frozen=True)
class Person:
    kind: Kind
    user: User | None
    # A browser in which he is signed in, and one that sends nothing but his token.
    browser: Client
    program: Client
    own: Place


@dataclass(frozen=True)
class World:
    people: dict[str, Person]
    own: Place
    foreign: Place
    others: Place
    environment: Environment
    stages: dict[str, Stage]
    message: int
    server: str
    bucket: str
    newcomer: str
    access_rule: int
    section_rule: int
    provider: str
    # Of links that somebody was sent.
    reset: tuple[str, str]
    confirmation: str
    content_type: int
    # The latest event of the trail: what comes after it was written by a request.
    newest: int


def make_world() -> World:
    stages = _stages()
    server = TrackingServer.objects.create(slug="team", name="Team", url="http://127.0.0.1:1")
    bucket = ArtifactStore.objects.create(
        slug="bucket", name="Bucket", root="s3://models", endpoint_url="http://127.0.0.1:1"
    )
    users = {kind.name: _user(kind) for kind in KINDS if kind.is_known}
    users["limited"] = users["owner"]
    own = _project("credit", users, stages, bucket)
    others = {name: factories.make_user(f"other-{name}") for name in users}
    foreign = _project("foreign", others, stages, bucket, versions=40)
    rule = _access_rule(users["administrator"])
    section_rule = SectionRule.objects.create(
        section="operations", right="responsible", roles=["owner"]
    ).pk
    newcomer = factories.make_user("newcomer")
    rows.make_what_only_the_admin_shows(
        server, newcomer=newcomer, administrator=users["administrator"]
    )
    provider = rows.make_provider()
    address = EmailAddress.objects.create(user=newcomer, email=newcomer.email)
    project = Project.objects.get(slug="credit")
    people = {kind.name: _person(kind, users.get(kind.name), project) for kind in KINDS}
    return World(
        people=people,
        own=replace(own, rows=rows.rows_of_the_admin(is_last=False)),
        foreign=replace(foreign, rows=rows.rows_of_the_admin(is_last=True)),
        others=_belongings(newcomer),
        environment=stages["staging"].environment,
        stages=stages,
        message=OutboxMessage.objects.create(
            event="a.B", subscriber="c.d", payload={}, state=MessageState.STUCK,
            due_at=timezone.now(),
        ).pk,
        server=server.slug,
        bucket=bucket.slug,
        newcomer=newcomer.username,
        access_rule=rule,
        section_rule=section_rule,
        provider=provider.provider_id,
        reset=(
            user_pk_to_url_str(newcomer),
            EmailAwarePasswordResetTokenGenerator().make_token(newcomer),
        ),
        confirmation=EmailConfirmationHMAC(address).key,
        content_type=ContentType.objects.get_for_model(ModelVersion).pk,
        newest=AuditEvent.objects.latest("pk").pk,
    )  # fmt: skip


def _access_rule(administrator: User) -> int:
    """A rule that concerns nobody here, and an attribute that it does not rely on."""
    Attribute.objects.create(name="department", kind="text")
    for about in (About.PROJECT, About.MODEL, About.VERSION):
        Attribute.objects.create(about=about, name="tier", kind="text", set_by=SetBy.OWNERS)
    return access.create_rule(
        name="Nobody of that name",
        effect="deny",
        actions=["view"],
        conditions=['user.username is "nobody-of-that-name"'],
        by=administrator,
    ).pk


def _user(kind: Kind) -> User:
    rights = {"is_superuser": True, "is_staff": True} if kind.is_administrator else {}
    user = factories.make_user(kind.name, **rights)
    if kind.group:
        user.groups.add(Group.objects.get_or_create(name=kind.group)[0])
    TOTP.activate(user, "A" * 32)
    RecoveryCodes.activate(user)
    return user


def _stages() -> dict[str, Stage]:
    domain = factories.make_reviewer_role("domain")
    # Of a builder that is installed: evaluations ask for one.
    environment = factories.make_environment("staging", builder="venv")
    asks = {"approvals_required": 2}
    return {
        "staging": factories.make_stage(
            "staging", domain, order=1, environment=environment, **asks
        ),
        "production": factories.make_stage("production", domain, order=2, **asks),
        "archived": factories.make_stage("archived", approvals_required=0, order=9),
    }


def _person(kind: Kind, user: User | None, project: Project) -> Person:
    browser, program = Client(), Client()
    # One chain of middleware for all of them: each takes a while to build.
    browser.handler = program.handler = HANDLER
    if user is None:
        return Person(kind, None, browser, program, Place())
    limits: dict[str, Any] = {}
    if kind.limits is None:
        sign_in(browser, user, asked_again=True)
    else:
        limits = {"actions": kind.limits, "projects": [project.pk]}
    _, secret = accounts.create_token(
        user, name=f"of {kind.name}", by=user, default_project=project.slug, **limits
    )
    program.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return Person(kind, user, browser, program, _belongings(user))


def _belongings(user: User) -> Place:
    """What is the person's own."""
    count = UserSession.objects.count()
    account = User.objects.filter(owner=user, is_service_account=True).first()
    if account is None:
        account = factories.make_user(
            f"{user.username}-pipeline", is_service_account=True, owner=user
        )
    return Place(
        notification=Notification.objects.create(
            user=user, key=f"k{count}", kind="k", subject="Something", path="/projects/credit"
        ).pk,
        session=UserSession.objects.create(
            user=user, session_key=f"{count:032}", ip="127.0.0.1", user_agent="Firefox"
        ).pk,
        token=accounts.create_token(user, name=f"notebook {count}", by=user)[0].pk,
        security_key=Authenticator.objects.create(
            user=user, type="webauthn", data={"name": "Key", "credential": registration()}
        ).pk,
        account=account.username,
        account_token=accounts.create_token(account, name=f"job {count}", by=user)[0].pk,
    )


def _project(
    slug: str, users: dict[str, User], stages: dict[str, Stage], bucket: Any, versions: int = 0
) -> Place:
    """A project with one of everything."""
    owner, scientist = users["owner"], users["scientist"]
    domain = factories.make_reviewer_role("domain")
    asked = factories.make_user(f"{slug}-asked")
    project = factories.make_project(slug, owner=owner)
    for name, role in (
        ("scientist", "data_scientist"), ("maintainer", "maintainer"), ("viewer", "viewer"),
        ("project_auditor", "auditor"),
    ):  # fmt: skip
        member = factories.join(project, users[name], role)
    factories.join(project, users["reviewer"], "reviewer", domain)
    factories.join(project, asked, "reviewer", domain)
    factories.join(project, factories.make_user(f"{slug}-second"), "reviewer", domain)
    StageOverride.objects.create(stage=stages["staging"], project=project, approvals_required=2)
    model = factories.make_model(project, f"{slug}-model", by=scientist)
    model.last_number = versions
    version = factories.make_stored_version(
        model, by=scientist, source_run_id=f"0123456789{slug}"[:16], experiment_id="7000"
    )
    # On a section that only owners read from below on; what is said there, and why, is marked.
    cards.edit_card(
        version,
        by=scientist,
        changes={"/security/privacy": f"In truth, {MARK}."},
        base_revision=1,
        reason=f"Because {MARK}.",
    )
    document = {
        "run": {
            "id": version.source_run_id, "artifact_uri": "mlflow-artifacts:/7/run/artifacts",
        },
        "metrics": [{"name": "auc", "value": 0.9}],
        "datasets": [{"name": "eval", "source": "mlflow-artifacts:/7/run/artifacts/eval.csv"}],
    }  # fmt: skip
    Lineage.objects.create(version=version, document=document)
    review = services.request_review(
        version,
        stage=stages["staging"],
        reviewers=[users["reviewer"], owner],
        note="Please.",
        by=scientist,
    )
    deployment = _deployment(project, version, stages["staging"], by=scientist)
    key = ApiKey.objects.create(
        endpoint=deployment.endpoint, name="batch", prefix=f"{slug:0>6}"[:6], digest="0" * 64,
        created_by=owner,
    )  # fmt: skip
    data_set = evaluations.upload_data_set(
        project, name="holdout", file=BytesIO(ROWS), filename="holdout.csv", size=len(ROWS),
        by=scientist,
    )  # fmt: skip
    evaluation = evaluations.start_evaluation(
        version, data_set, kind="binary", target="label", by=scientist
    )
    evaluations.keep_report(evaluation, REPORT, Unheard())
    # Of reviews for a stage that nobody asks for.
    evaluation_rule = evaluations.add_rule(
        project, name="Weekly", occasion="review", stage=stages["archived"], kind="binary",
        data_set_name="holdout", target="label", by=owner,
    )  # fmt: skip
    VersionComment.objects.create(
        version=version, by=owner, text=f"But {MARK}!", pointer="/security/privacy", revision=2
    )
    failed = factories.make_version(model, by=scientist, state="FAILED_REGISTRATION")
    webhook = {"project": project, "url": "http://127.0.0.1:1/", "created_by": owner}
    return Place(
        project=project.slug,
        project_pk=project.pk,
        model=model.name,
        model_pk=model.pk,
        access_review=_signed(project, by=owner),
        number=version.number,
        artifact="MLmodel",
        revision=1,
        alias=Alias.objects.create(model=model, version=version, name=f"best-{slug}").name,
        review=review.pk,
        requester=scientist.username,
        digest=queries.content_digest(review),
        comment=VersionComment.objects.create(version=version, by=scientist, text="Mine.").pk,
        report=_report(version).pk,
        deployment=deployment.pk,
        endpoint=deployment.endpoint.slug,
        key=key.pk,
        run=start_ingest(failed, by=scientist, asked_for="register").run.pk,
        data_set=data_set.pk,
        evaluation=evaluation.pk,
        evaluation_rule=evaluation_rule.pk,
        logged=logged.data_sets_of(version)[0].key,
        training_run=version.source_run_id,
        experiment=Experiment.objects.create(
            # Not one that the tracking server gives to what tests make there.
            experiment_id=str(7_000 + versions), project=project
        ).experiment_id,
        # Not the one with the marked reason.
        event=AuditEvent.objects.filter(project_id=project.pk)
        .exclude(action="card.edit")
        .earliest("pk")
        .pk,
        version=version.pk,
        member=member.pk,
        member_name=users["viewer"].username,
        prefix=NamePrefix.objects.create(project=project, prefix=f"{slug}-loans-").pk,
        rule=LabelRule.objects.create(project=project, kind="alias", pattern="prod*", roles=[]).pk,
        section_rule=SectionRule.objects.create(
            project=project, section="security", right="read", roles=["owner"]
        ).pk,
        store=StoreAccess.objects.create(project=project, store=bucket).pk,
        webhook=RegistryWebhook.objects.create(
            dialect="mlflow", name="ci", events=["prompt.created"], **webhook
        ).pk,
        model_webhook=RegistryWebhook.objects.create(
            dialect="databricks", events=["MODEL_VERSION_CREATED"], model=model,
            **(webhook | {"project": None}),
        ).pk,
        asked=asked.pk,
        asked_name=asked.username,
    )  # fmt: skip


def _report(version: ModelVersion) -> ReportFile:
    file = version.artifacts.get(path="MLmodel")
    return ReportFile.objects.create(
        version=version, origin="version", path="MLmodel.txt", kind="text", size=file.size,
        sha256=file.sha256,
    )  # fmt: skip


def _signed(project: Project, *, by: User) -> int:
    rows = table_of(project)
    kept = {row.key: "keep" for row in rows if row.is_removable}
    return access_reviews.sign(project, decisions=kept, seen=digest_of_table(rows), by=by).pk


def _deployment(project: Project, version: ModelVersion, stage: Stage, *, by: User) -> Deployment:
    move = StageMove.objects.create(
        version=version, to_stage=stage, by=by, artifact_digest=version.artifact_digest
    )
    endpoint = Endpoint.objects.create(
        project=project,
        environment=stage.environment,
        model=version.model,
        slug=f"{project.slug}-e",
    )
    return Deployment.objects.create(
        endpoint=endpoint, version=version, move=move, state="serving", traffic=100,
        serving_since=timezone.now(),
    )  # fmt: skip
