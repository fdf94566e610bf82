"""Why somebody may or may not: the role, grant or rule that decided, and what would change it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, Model, QuerySet, Value, When

from apps.access import conditions, grants, policies, rulebook, services, vocabulary
from apps.access.conditions import Condition, Name, Wanted
from apps.access.models import Effect
from apps.access.rulebook import standing_of
from apps.accounts.models import User
from apps.core.errors import NotPermitted

# Tells by which roles somebody may do an action in a project; projects know, access does not.
TellRoles = Callable[[User, str, Any], list[str]]
TellWhoMay = Callable[[str, Any], str]


@dataclass
class _Roles:
    behind: TellRoles = lambda user, action, project: []
    who_may: TellWhoMay = lambda action, project: ""
    # The group whose members read everything, and change nothing.
    auditors: str = ""


_roles = _Roles()


def tell_roles(behind: TellRoles, who_may: TellWhoMay, *, auditors: str) -> None:
    _roles.behind, _roles.who_may, _roles.auditors = behind, who_may, auditors


@dataclass(frozen=True)
class Reason:
    """One thing that speaks for or against it. `kind`: account, token, administrator, role, grant
    or rule; `pk` is that of the grant or rule."""

    kind: str
    allows: bool
    sentence: str
    pk: int | None = None
    # For those who may read rules: each condition, with what stands on both sides now.
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """`sentence` answers the question, `reasons` say why, `remedies` what would change it."""

    allowed: bool
    sentence: str
    reasons: tuple[Reason, ...] = field(default=())
    remedies: tuple[str, ...] = field(default=())


def explain(user: Any, action: str, obj: Model, wanted: Wanted = rulebook.NOTHING) -> Explanation:
    """The decision that policies take, and everything that took part in it."""
    policy = policies.of(obj)
    allowed = policy.allows(user, action, obj, wanted)
    verb = policy.verbs.get(action, action.replace("_", " "))
    what = f"{verb} {obj}"
    beside = " with ".join(["", *(f"the {kind} {value}" for kind, value in wanted.items())])
    if not allowed and not getattr(user, "is_active", False):
        reason = Reason("account", False, f"The account of {user} is disabled.")
        return Explanation(False, f"{user} may not {what}{beside}.", (reason,))
    if allowed and user.is_superuser:
        reason = Reason("administrator", True, "Administrators may do everything.")
        return Explanation(True, f"{user} may {what}{beside}.", (reason,))
    reasons = [*_tokens(policy, user, action), *_positive(policy, user, action, obj, wanted)]
    denials = _rules(policy, user, action, obj, wanted, Effect.DENY)
    reasons += denials
    if allowed:
        return Explanation(True, f"{user} may {what}{beside}.", tuple(reasons))
    remedies = _remedies(user, action, obj, reasons)
    return Explanation(False, f"{user} may not {what}{beside}.", tuple(reasons), tuple(remedies))


def _tokens(policy: Any, user: Any, action: str) -> list[Reason]:
    if user.limits is None or user.limits.allow(policy.known_as(action)):
        return []
    told = f"The access token “{user.limits.token}” does not include it."
    return [Reason("token", False, told)]


def _positive(policy: Any, user: User, action: str, obj: Model, wanted: Wanted) -> list[Reason]:
    found: list[Reason] = []
    manager = policy.model._default_manager
    project = services.project_of(obj)
    known_as = policy.known_as(action)
    if project is not None and action not in policy.done_by:
        found += [Reason("role", True, told) for told in _roles.behind(user, known_as, project)]
    elif manager.filter(pk=obj.pk).filter(policy.by_role(user, action)).exists():
        everywhere = "A role that holds everywhere includes it."
        found.append(Reason("role", True, policy.done_by.get(action, everywhere)))
    if standing_of(user).has_grants and known_as == action:
        found += _grants(policy, user, action, obj)
    return found + _rules(policy, user, action, obj, wanted, Effect.ALLOW)


def _grants(policy: Any, user: User, action: str, obj: Model) -> list[Reason]:
    found = []
    groups = set(user.groups.values_list("pk", flat=True))
    for holder in _leading_to(policy, obj):
        entity = vocabulary.entity_of(holder)
        if entity is None or action not in entity.grantable:
            continue
        to_people, to_groups = grants.on(holder)
        mine: list[Any] = [grant for grant in to_people if grant.user_id == user.pk]
        mine += [grant for grant in to_groups if grant.group_id in groups]
        for grant in mine:
            if grant.permission.codename == action:
                whom = "him" if hasattr(grant, "user_id") else f"the group “{grant.group}”"
                until = f" until {grant.expires_at:%Y-%m-%d %H:%M}" if grant.expires_at else ""
                told = (
                    f"{grant.given_by} granted it to {whom} on the {entity.name} {holder}{until}."
                )
                found.append(Reason("grant", True, told, grant.pk))
    return found


def _leading_to(policy: Any, obj: Model) -> list[Model]:
    """The object itself, and those that it belongs to."""
    return [policies.reached(obj, path) for path in policy.reaches.values()]


def _rules(
    policy: Any, user: User, action: str, obj: Model, wanted: Wanted, effect: str
) -> list[Reason]:
    asked = list(policy.rules_about(standing_of(user), effect, action, wanted))
    if not asked:
        return []
    # All of them in one query.
    columns = [
        Case(When(found.where(policy.reaches), then=Value(True)), default=Value(False))
        for found in asked
    ]
    hits = policy.model._default_manager.filter(pk=obj.pk).values_list(*columns).first()
    verb = "lets" if effect == Effect.ALLOW else "does not let"
    return [
        Reason(
            "rule",
            effect == Effect.ALLOW,
            f"The rule “{found.rule.name}” {verb} {user} do it."
            + (f" It cannot be read any more: {found.rule.fault}" if found.rule.fault else ""),
            found.rule.pk,
            tuple(
                _told(condition, policy, user, obj, wanted) for condition in found.rule.conditions
            ),
        )
        for found, hit in zip(asked, hits or (), strict=False)
        if hit
    ]


def _told(condition: Condition, policy: Any, user: User, obj: Model, wanted: Wanted) -> str:
    """A condition, with what its names stand for at the moment."""
    values = []
    for name in condition.names:
        value = _value(condition, name, policy, user, obj, wanted)
        if value is not None:
            values.append(f"{name} is {value}")
    return f"{condition.text} ({'; '.join(values)})" if values else condition.text


def _value(
    condition: Condition, name: Name, policy: Any, user: User, obj: Model, wanted: Wanted
) -> str | None:
    if name.of == "wanted":
        return wanted.get(name.name)
    if name.of == "user":
        if name.name in vocabulary.POSITIONS:
            return None
        return conditions.shown(conditions.known_of(user, name.name))
    fact = condition.fact if name == condition.name else condition.other_fact
    path = policy.reaches[name.of]
    manager = vocabulary.ENTITIES[name.of].model._default_manager
    objects: QuerySet[Any] = manager.filter(pk=obj.pk)
    if path:
        key = policy.model._default_manager.filter(pk=obj.pk).values(path)
        objects = manager.filter(pk__in=key)
    assert fact is not None
    return conditions.shown(fact.read(objects))


def _remedies(user: User, action: str, obj: Model, reasons: list[Reason]) -> list[str]:
    found = []
    for reason in reasons:
        if reason.kind == "token":
            found.append("Use an access token that includes it.")
        if reason.kind == "rule" and not reason.allows:
            found.append(
                "An administrator changes the rule, or what it asks for; nobody else can let "
                f"{user} do it."
            )
    if not any(reason.allows for reason in reasons):
        project = services.project_of(obj)
        if told := policies.of(obj).done_by.get(action):
            found.append(told)
        elif project is not None and (who := _roles.who_may(action, project)):
            found.append(who)
        entity = vocabulary.entity_of(obj)
        if entity is not None and action in entity.grantable:
            found.append(f"It can be granted on this {entity.name} alone.")
    return list(dict.fromkeys(found))


def require_reader(by: User, user: User, obj: Model | None) -> None:
    """Raise unless the person may ask what another one may do with the object, or at all.

    Everybody asks about himself; whoever decides on rights in the project, about everybody in it;
    administrators and auditors, about everybody.
    """
    if by.pk == user.pk or reads_all(by):
        return
    if obj is not None and services.may_give(by, obj):
        return
    project = services.project_of(obj) if obj is not None else None
    of_projects = policies.BY_KIND["projects.project"]
    if project is not None and of_projects.allows(by, "manage_members", project):
        return
    raise NotPermitted(
        "You may ask about yourself. Owners ask about others in their project, auditors and "
        "administrators about everybody."
    )


def reads_all(by: User) -> bool:
    """Whether the person reads rules, and asks about everybody."""
    if by.limits is not None:
        return False
    return by.is_superuser or by.groups.filter(name=_roles.auditors).exists()
