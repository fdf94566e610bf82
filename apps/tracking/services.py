"""Experiments given to projects, and where a project's sources are read."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotFound, NotPermitted
from apps.core.validation import require_valid
from apps.projects import policies as project_policies
from apps.projects.choosing import PROJECT_TAG, project_for_new
from apps.projects.models import Project
from apps.tracking import places, queries, upstream
from apps.tracking.models import (
    ArtifactStore,
    Experiment,
    StoreAccess,
    TrackingAccess,
    TrackingServer,
)

MOST_NAMES_TRIED = 5


@transaction.atomic
def add_experiment(
    experiment_id: str, *, project: Project, by: User, is_default: bool = False
) -> Experiment:
    """Note that an experiment, which exists on the tracking server, belongs to a project."""
    project_policies.projects.require(by, "register", project)
    try:
        with transaction.atomic():
            experiment = Experiment.objects.create(
                experiment_id=experiment_id, project=project, created_by=by, is_default=is_default
            )
    except IntegrityError:
        raise AlreadyExists(f"Experiment {experiment_id} belongs to a project already.") from None
    record(
        actor=by,
        action="experiment.create",
        obj=experiment,
        project=project,
        data={"experiment": experiment_id},
    )
    return experiment


def default_experiment(user: User) -> Experiment:
    """Where a person's work goes that names no experiment; made when it is first needed.

    It is the default experiment of the project that something new of his belongs to.
    """
    project = project_for_new(user, name="", tags={}, noun="experiment")
    return _default_of(project) or _make_default(project, by=user)


def _default_of(project: Project) -> Experiment | None:
    return Experiment.objects.filter(project=project, is_default=True).first()


def _make_default(project: Project, *, by: User) -> Experiment:
    # No transaction: the tracking server is asked in between. Two who do this at once, or a crash
    # after the server's answer, find the same experiment by its name and tag.
    for number in range(1, MOST_NAMES_TRIED + 1):
        name = f"{project.slug}-default" + (f"-{number}" if number > 1 else "")
        experiment_id = _made_or_ours(name, project)
        if experiment_id is None:
            continue
        try:
            return add_experiment(experiment_id, project=project, by=by, is_default=True)
        except AlreadyExists:
            return _default_of(project) or _mark_default(experiment_id, project)
    raise Conflict(
        f"The names from {project.slug}-default on are taken on the tracking server by other "
        "experiments. Name an experiment, such as with mlflow.set_experiment(name)."
    )


def _made_or_ours(name: str, project: Project) -> str | None:
    """The id of the experiment with the name, unless it is somebody else's or deleted."""
    client = upstream.client()
    try:
        return client.create_experiment(name, {PROJECT_TAG: project.slug})
    except AlreadyExists:
        pass
    try:
        found = client.get_experiment_by_name(name)
    except NotFound:
        return None
    ours = found.get("lifecycle_stage") == "active" and queries.project_slug(found) == project.slug
    return str(found["experiment_id"]) if ours else None


@transaction.atomic
def _mark_default(experiment_id: str, project: Project) -> Experiment:
    found = Experiment.objects.select_for_update().filter(
        experiment_id=experiment_id, project=project
    )
    experiment = found.first()
    if experiment is None:
        raise Conflict(f"Experiment {experiment_id} belongs to another project now. Try again.")
    experiment.is_default = True
    experiment.save(update_fields=["is_default"])
    return experiment


@transaction.atomic
def assign_experiment(
    experiment_id: str, *, project: Project, by: User | None, move: bool = False
) -> bool:
    """Give an experiment of the tracking server to a project; False where it has it already.

    For administrators, and for mlgov itself. With `move` it is taken from another project.
    """
    experiment = (
        Experiment.objects.select_for_update()
        .select_related("project")
        .filter(experiment_id=experiment_id)
        .first()
    )
    before = experiment.project if experiment else None
    if before == project:
        return False
    if experiment is None:
        experiment = Experiment.objects.create(
            experiment_id=experiment_id, project=project, created_by=by
        )
    elif not move:
        raise Conflict(f"Experiment {experiment_id} belongs to the project {before} already.")
    else:
        # What is logged without a name from now on gets a new default experiment.
        experiment.project, experiment.is_default = project, False
        experiment.save(update_fields=["project", "is_default"])
    record(
        actor=by,
        action="experiment.assign",
        obj=experiment,
        project=project,
        data={"experiment": experiment_id, "from": before.slug if before else None},
    )
    return True


@transaction.atomic
def set_tracking_access(
    project: Project,
    *,
    server: TrackingServer,
    username: str = "",
    password: str = "",
    token: str = "",
    by: User,
) -> TrackingAccess:
    """Read the project's sources on another server, with these credentials.

    Empty secrets leave what is stored, as long as server and user name stay the same.
    """
    project_policies.projects.require(by, "manage_project", project)
    if token and (username or password):
        raise Invalid("Give either a token, or a user name with its password.")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Invalid(
            "A token has letters, digits and signs only.", details={"token": "Copy it again."}
        )
    if ":" in username or not username.isprintable():
        sentence = "A user name has no colon and no line breaks."
        raise Invalid(sentence, details={"username": sentence})
    access = TrackingAccess.objects.select_for_update().filter(project=project).first()
    if access is None:
        access = TrackingAccess(project=project, server=server)
    # A secret is for the server it was given for: a change of either asks for it again.
    same = access.pk and access.server_id == server.pk and access.username == username
    keeps = same and not (token or password)
    access.server, access.username, access.changed_at = server, username, timezone.now()
    if not keeps:
        access.password, access.token = password, token
    require_valid(access, "username")
    access.save()
    record(
        actor=by,
        action="tracking.set",
        obj=access,
        project=project,
        data={"server": server.url, "username": username, "new_secret": not keeps},
    )
    return access


@transaction.atomic
def remove_tracking_access(project: Project, *, by: User) -> None:
    """Read the project's sources on mlgov's own server again."""
    project_policies.projects.require(by, "manage_project", project)
    access = TrackingAccess.objects.filter(project=project).first()
    if access is None:
        return
    record(
        actor=by,
        action="tracking.reset",
        obj=access,
        project=project,
        data={"server": access.server.url},
    )
    access.delete()


@transaction.atomic
def set_store_access(
    project: Project,
    *,
    store: ArtifactStore,
    access_key_id: str = "",
    secret_access_key: str = "",
    by: User,
) -> StoreAccess:
    """Let the project's sources lie in a store, which is read with these credentials.

    An empty secret leaves what is stored, as long as the key id stays the same.
    """
    project_policies.projects.require(by, "manage_project", project)
    project = Project.objects.select_for_update().get(pk=project.pk)
    if not places.kind_of(store).has_credentials and not by.is_superuser:
        raise NotPermitted(
            f"“{store}” has no credentials of its own: ask an administrator to let the project in."
        )
    if secret_access_key and not access_key_id:
        sentence = "Give the id of the key along with its secret."
        raise Invalid(sentence, details={"access_key_id": sentence})
    accesses = StoreAccess.objects.select_for_update().filter(project=project)
    # Which of the two an address means would be anybody's guess.
    if twin := accesses.filter(store__root=store.root).exclude(store=store).first():
        raise Conflict(f"The project reads {store.root} from “{twin.store}”. Remove that first.")
    access = accesses.filter(store=store).first() or StoreAccess(project=project, store=store)
    keeps = access.pk and access.access_key_id == access_key_id and not secret_access_key
    if access_key_id and not secret_access_key and not (keeps and access.secret_access_key):
        sentence = "Give the secret of this key."
        raise Invalid(sentence, details={"secret_access_key": sentence})
    access.access_key_id, access.changed_at = access_key_id, timezone.now()
    if not keeps:
        access.secret_access_key = secret_access_key
    require_valid(access, "access_key_id")
    access.save()
    record(
        actor=by,
        action="store_access.set",
        obj=access,
        project=project,
        data={
            "store": store.root,
            "access_key_id": access_key_id,
            "new_secret": not keeps,
        },
    )
    return access


@transaction.atomic
def remove_store_access(access: StoreAccess, *, by: User) -> None:
    """The project registers nothing more from the store; what is registered stays."""
    project_policies.projects.require(by, "manage_project", access.project)
    record(
        actor=by,
        action="store_access.remove",
        obj=access,
        project=access.project,
        data={"store": access.store.root},
    )
    access.delete()
