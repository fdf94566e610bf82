"""Objects for tests, made without surprises: whatever matters is an argument."""

import hashlib
import itertools
from typing import Any

from apps.accounts.models import User
from apps.cards import services as card_services
from apps.core.digests import tree_digest
from apps.projects.models import Membership, Project, ReviewerRole
from apps.registry import storage
from apps.registry.models import Artifact, ModelVersion, RegisteredModel
from apps.registry.states import VersionState
from apps.stages.models import Environment, MlflowStage, Stage

_numbers = itertools.count(1)


def make_user(username: str = "", **fields: Any) -> User:
    username = username or f"person{next(_numbers)}"
    fields.setdefault("email", f"{username}@example.org")
    fields.setdefault("name", username.replace("-", " ").title())
    return User.objects.create_user(username=username, password="a long passphrase", **fields)


def make_project(slug: str = "", *, owner: User, **fields: Any) -> Project:
    slug = slug or f"project-{next(_numbers)}"
    fields.setdefault("name", slug.title())
    project = Project.objects.create(slug=slug, created_by=owner, **fields)
    join(project, owner, "owner")
    return project


def join(project: Project, user: User, role: str, *reviewer_roles: ReviewerRole) -> Membership:
    membership = Membership.objects.create(project=project, user=user, role=role)
    membership.reviewer_roles.set(reviewer_roles)
    return membership


def make_reviewer(project: Project, role: ReviewerRole, username: str = "") -> User:
    user = make_user(username)
    join(project, user, "reviewer", role)
    return user


def make_reviewer_role(slug: str) -> ReviewerRole:
    return ReviewerRole.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0]


def make_environment(slug: str = "staging", **fields: Any) -> Environment:
    defaults = {"name": slug.title(), "target": "memory", "builder": "memory", **fields}
    return Environment.objects.get_or_create(slug=slug, defaults=defaults)[0]


def make_stage(slug: str, *roles: ReviewerRole, **fields: Any) -> Stage:
    fields.setdefault("name", slug.title())
    if slug.title() in MlflowStage.values:
        fields.setdefault("mlflow_stage", slug.title())
    stage = Stage.objects.create(slug=slug, **fields)
    stage.required_roles.set(roles)
    return stage


def make_model(project: Project, name: str = "", *, by: User | None = None) -> RegisteredModel:
    return RegisteredModel.objects.create(
        project=project,
        name=name or f"model-{next(_numbers)}",
        created_by=by or project.created_by,
    )


def make_version(
    model: RegisteredModel, *, by: User, state: str = VersionState.READY, **fields: Any
) -> ModelVersion:
    """A version with one artifact row and a first card; its bytes are not in the store."""
    model.last_number += 1
    model.save(update_fields=["last_number"])
    number = model.last_number
    content = f"{model.name}-{number}".encode()
    if state == VersionState.READY:
        fields.setdefault("artifact_digest", f"sha256:{hashlib.sha256(content).hexdigest()}")
    version = ModelVersion.objects.create(
        model=model,
        number=number,
        state=state,
        registered_by=by,
        source=fields.pop("source", f"models:/m-{number:032x}"),
        **fields,
    )
    Artifact.objects.create(
        version=version,
        path="MLmodel",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    card_services.open_card(version)
    return version


def make_stored_version(model: RegisteredModel, *, by: User, **fields: Any) -> ModelVersion:
    """A version whose one artifact lies in the store, under the right digest."""
    content = f"{model.name}-{model.last_number + 1}".encode()
    blob = storage.save([content], limit=len(content))
    digest = tree_digest([("MLmodel", blob.size, blob.sha256)])
    fields.setdefault("python_version", "3.11.7")
    fields.setdefault("requirements", ["scikit-learn==1.7.2"])
    return make_version(model, by=by, artifact_digest=digest, **fields)
