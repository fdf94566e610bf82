"""Projects: made, described, joined, left."""

from collections.abc import Iterable
from types import EllipsisType
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts import attributes as declared
from apps.accounts import people
from apps.accounts.models import About, User
from apps.audit.services import record
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotFound, NotPermitted
from apps.core.validation import require_valid
from apps.outbox.services import publish
from apps.projects import policies
from apps.projects.events import MemberAdded, MembershipChanged
from apps.projects.models import Membership, Project, ReviewerRole, Visibility
from apps.projects.roles import Role

DESCRIBED = ("name", "description", "visibility", "access_review_days")


@transaction.atomic
def create_project(
    *,
    slug: str,
    name: str,
    description: str = "",
    visibility: str = Visibility.PRIVATE,
    by: User,
) -> Project:
    """Make a project whose first owner is the person who makes it."""
    if not by.is_active or by.is_service_account:
        raise NotPermitted("Only a person can make a project.")
    if not name.strip():
        raise Invalid("Give the project a name.", details={"name": "Give the project a name."})
    project = Project(
        slug=slug,
        name=name.strip(),
        description=description,
        visibility=visibility,
        created_by=by,
    )
    require_valid(project, "slug", "name", "description", "visibility")
    try:
        with transaction.atomic():
            project.save()
    except IntegrityError:
        raise AlreadyExists(
            f"There is a project “{slug}” already. Choose another short name."
        ) from None
    Membership.objects.create(project=project, user=by, role=Role.OWNER)
    record(
        actor=by,
        action="project.create",
        obj=project,
        project=project,
        data={"visibility": visibility},
    )
    return project


@transaction.atomic
def describe_project(
    project: Project,
    *,
    name: str,
    description: str,
    visibility: str | None = None,
    access_review_days: int | EllipsisType | None = ...,
    by: User,
) -> Project:
    """Change what is given. Days of None: access is reviewed as often as everywhere."""
    project = Project.objects.select_for_update().get(pk=project.pk)
    policies.projects.require(by, "manage_project", project)
    if not name.strip():
        raise Invalid("Give the project a name.", details={"name": "Give the project a name."})
    before = {field: getattr(project, field) for field in DESCRIBED}
    project.name, project.description = name.strip(), description
    project.visibility = visibility or project.visibility
    if access_review_days not in (..., project.access_review_days):
        project.access_review_days = _no_longer_than_everywhere(access_review_days)
    require_valid(project, *DESCRIBED)
    project.save(update_fields=DESCRIBED)
    record(
        actor=by,
        action="project.edit",
        obj=project,
        project=project,
        data={
            "before": before,
            "visibility": project.visibility,
            "access_review_days": project.access_review_days,
        },
    )
    return project


def _no_longer_than_everywhere(days: Any) -> int | None:
    everywhere = settings.MLGOV_ACCESS_REVIEW_DAYS
    if days is not None and everywhere and days > everywhere:
        raise Invalid.at(
            "access_review_days",
            f"Access is reviewed after {everywhere} days everywhere. Choose fewer, or leave it.",
        )
    return None if days is None else int(days)


@transaction.atomic
def set_attributes(project: Project, *, changes: dict[str, Any], by: User) -> Project:
    """Set the attributes that `changes` names, and take away those that are None there."""
    project = Project.objects.select_for_update().get(pk=project.pk)
    policies.projects.require(by, "view", project)
    manages = policies.projects.allows(by, "manage_project", project)
    before = project.attributes
    project.attributes = declared.after(
        before, changes, about=About.PROJECT, by=by, manages=manages
    )
    if project.attributes == before:
        return project
    project.save(update_fields=["attributes"])
    record(
        actor=by,
        action="project.set_attributes",
        obj=project,
        project=project,
        data={"before": before, "now": project.attributes},
    )
    return project


@transaction.atomic
def create_service_account(
    project: Project, *, username: str, name: str = "", role: str, by: User
) -> Membership:
    """Make an account for a pipeline of the project, which is a member of nothing else."""
    policies.projects.require(by, "manage_members", project)
    account = people.make_service_account(username=username, name=name, owner=by, by=by)
    return set_member(project, user=account, role=role, by=by)


@transaction.atomic
def set_member(
    project: Project,
    *,
    user: User,
    role: str,
    reviewer_roles: Iterable[ReviewerRole] = (),
    by: User,
) -> Membership:
    """Let somebody in, or change what he is. The last owner stays an owner."""
    project = Project.objects.select_for_update().get(pk=project.pk)
    policies.projects.require(by, "manage_members", project)
    if role not in Role.values:
        raise Invalid(
            f"There is no role “{role}”. Choose one of {', '.join(Role.values)}.",
            details={"role": "Unknown role."},
        )
    reviewer_roles = list(reviewer_roles)
    if not user.is_active:
        raise Conflict(f"{user} is disabled and cannot be a member.")
    membership, is_new = Membership.objects.get_or_create(
        project=project, user=user, defaults={"role": role}
    )
    before = membership.role
    if not is_new and before == Role.OWNER and role != Role.OWNER:
        _keep_an_owner(project, but=membership)
    membership.role = role
    membership.save(update_fields=["role"])
    membership.reviewer_roles.set(reviewer_roles)
    record(
        actor=by,
        action="member.add" if is_new else "member.edit",
        obj=membership,
        also=[user],
        project=project,
        data={
            "role": role,
            "before": None if is_new else before,
            "reviewer_roles": sorted(r.slug for r in reviewer_roles),
        },
    )
    if is_new:
        publish(MemberAdded(membership.pk))
    publish(MembershipChanged(project.pk, user.pk))
    return membership


@transaction.atomic
def remove_member(membership: Membership, *, by: User) -> None:
    project = Project.objects.select_for_update().get(pk=membership.project_id)
    policies.projects.require(by, "manage_members", project)
    found = Membership.objects.select_for_update().filter(pk=membership.pk).first()
    if found is None:
        raise NotFound("This person is not a member any more.")
    membership = found
    if membership.role == Role.OWNER:
        _keep_an_owner(project, but=membership)
    record(
        actor=by, action="member.remove", obj=membership, also=[membership.user], project=project
    )
    publish(MembershipChanged(project.pk, membership.user_id))
    membership.delete()


def _keep_an_owner(project: Project, *, but: Membership) -> None:
    # A person: nobody can ask a pipeline for a right.
    others = project.memberships.filter(
        role=Role.OWNER, user__is_active=True, user__is_service_account=False
    )
    if not others.exclude(pk=but.pk).exists():
        raise Conflict(f"{but.user} is the last owner of {project}. Name another owner first.")
