"""Reads about projects that need a name."""

from collections.abc import Callable
from typing import Any

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast

from apps.access.policies import hidden_from, on_projects
from apps.accounts.models import User
from apps.audit.models import AuditEvent, AuditLink
from apps.projects.models import Membership, Project, Visibility
from apps.projects.roles import ACTIONS, AUDITORS, Role, groups_that_may, roles_that_may

_hiding: list[Callable[[QuerySet[AuditEvent], Any], QuerySet[AuditEvent]]] = []


def projects_where(user: Any, *, may: str) -> QuerySet[Project]:
    """Projects in which the person's role, a global one, or a rule includes the action.

    In an internal project everybody has the rights of a viewer. What a rule denies is left out. An
    access token that is limited leaves those that it names, and none for other actions.
    """
    limits = user.limits
    if limits is not None and not limits.allow(may):
        return Project.objects.none()
    if user.is_superuser or (limits is not None and limits.of_administrator):
        found = Project.objects.all()
    else:
        allowed, denied = on_projects(user, may)
        found = Project.objects.filter(by_role(user, may) | allowed).exclude(denied)
    if limits is not None and limits.projects is not None:
        found = found.filter(pk__in=limits.projects)
    return found


def by_role(user: Any, may: str) -> Q:
    """What memberships, the project's visibility and global roles allow."""
    by_membership = Membership.objects.filter(user=user, role__in=roles_that_may(may))
    allowed = Q(pk__in=by_membership.values("project"))
    if may in ACTIONS[Role.VIEWER]:
        allowed |= Q(visibility=Visibility.INTERNAL)
    if groups := groups_that_may(may):
        # Within the same query: this stands inside the queries of every list.
        in_groups = User.groups.through.objects.filter(user=user, group__name__in=groups)
        allowed |= Q(Exists(in_groups))
    return allowed


def roles_behind(user: User, action: str, project: Project) -> list[str]:
    """By which roles the person may do it in the project, each in a sentence."""
    found = []
    membership = Membership.objects.filter(user=user, project=project).first()
    if membership is not None and membership.role in roles_that_may(action):
        found.append(f"As {membership.get_role_display().lower()} of {project}.")
    if project.is_internal and action in ACTIONS[Role.VIEWER]:
        found.append(f"{project} is internal: everybody who is signed in has a viewer's rights.")
    groups = user.groups.filter(name__in=groups_that_may(action))
    found += [f"As a member of the group “{group.name}”, in all projects." for group in groups]
    return found


def who_may_told(action: str, project: Project) -> str:
    """Which roles include the action, and who gives them."""
    roles = [Role(role).label.lower() for role in roles_that_may(action)]
    if not roles:
        return ""
    owners = User.objects.filter(
        is_active=True, memberships__project=project, memberships__role=Role.OWNER
    ).order_by("username")[:3]
    return (
        f"A role that includes it: {', '.join(roles)}. An owner of the project gives it: "
        f"{', '.join(map(str, owners))}."
    )


def people_who_may(action: str, project: Project) -> QuerySet[User]:
    """Active members of the project whose role includes the action."""
    return User.objects.filter(
        is_active=True,
        memberships__project=project,
        memberships__role__in=roles_that_may(action),
    ).distinct()


def reviewer_roles_of(user: User, project: Project) -> set[int]:
    """Primary keys of the capacities in which the person reviews in the project."""
    return set(
        Membership.objects.filter(
            user=user, project=project, reviewer_roles__isnull=False
        ).values_list("reviewer_roles", flat=True)
    )


def is_auditor(user: User) -> bool:
    """Whether the person reads everything, and the token that was sent does not limit it."""
    limits = user.limits
    if limits is not None and (limits.projects is not None or not limits.allow("view")):
        return False
    if limits is not None and limits.of_administrator:
        return True
    return user.is_superuser or user.groups.filter(name=AUDITORS).exists()


def events_visible_to(user: User) -> QuerySet[AuditEvent]:
    """Events of the projects that the person sees, and his own of no project; auditors see all."""
    if is_auditor(user):
        return AuditEvent.objects.all()
    projects = projects_where(user, may="view").values("pk")
    events = AuditEvent.objects.filter(project_id__in=projects)
    if user.limits is None:
        events = AuditEvent.objects.filter(
            Q(project_id__in=projects) | Q(project_id=None, actor_id=user.pk)
        )
    return without_hidden(events, user)


def without_hidden(events: QuerySet[AuditEvent], user: Any) -> QuerySet[AuditEvent]:
    """The events without those that tell of objects which a rule hides from the person."""
    for kind, objects in hidden_from(user).items():
        keys = objects.annotate(key=Cast("pk", CharField())).values("key")
        told = AuditLink.objects.filter(event=OuterRef("pk"), object_type=kind, object_id__in=keys)
        events = events.filter(~Exists(told))
    for hide in _hiding:
        events = hide(events, user)
    return events


def hide_events(hide: Callable[[QuerySet[AuditEvent], Any], QuerySet[AuditEvent]]) -> None:
    """Let an app above leave out events that quote what is not for everybody who sees the project.

    Not asked for those who read everything.
    """
    if hide not in _hiding:
        _hiding.append(hide)
