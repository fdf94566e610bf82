"""Writing rules down, and granting actions on single objects."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone

from apps.access import grants, policies, rulebook, vocabulary
from apps.access.conditions import MOST_CONDITIONS, Declared, read
from apps.access.models import Effect, GroupGrant, Rule, UserGrant
from apps.accounts.models import User
from apps.accounts.services import require_no_limits
from apps.audit.services import record
from apps.core.context import forget
from apps.core.errors import AlreadyExists, Invalid, NotPermitted
from apps.core.validation import require_valid

MOST_RULES = 1_000
FIELDS = (
    "name", "description", "effect", "actions", "conditions", "is_active", "valid_from",
    "valid_until",
)  # fmt: skip


def require_rule_maker(by: User) -> None:
    require_no_limits(by)
    if not by.is_superuser:
        raise NotPermitted("Only administrators write access rules.")


@transaction.atomic
def create_rule(*, by: User, **fields: Any) -> Rule:
    """Write a rule down. It holds from the next request on, if it is active."""
    require_rule_maker(by)
    if Rule.objects.count() >= MOST_RULES:
        raise Invalid(f"There are {MOST_RULES} rules. Delete some that are not needed any more.")
    rule = _filled(Rule(author=by), fields)
    _save(rule)
    record(actor=by, action="rule.create", obj=rule, data={"now": told(rule)})
    return rule


@transaction.atomic
def change_rule(rule: Rule, *, by: User, **fields: Any) -> Rule:
    """Change what is given. It holds from the next request on."""
    require_rule_maker(by)
    rule = Rule.objects.select_for_update().get(pk=rule.pk)
    before = told(rule)
    _filled(rule, fields)
    now = told(rule)
    if now == before:
        return rule
    rule.updated_at = timezone.now()
    _save(rule)
    changed = [name for name in now if now[name] != before[name]]
    record(
        actor=by,
        action="rule.edit",
        obj=rule,
        data={
            "before": {name: before[name] for name in changed},
            "now": {name: now[name] for name in changed},
        },
    )
    return rule


@transaction.atomic
def delete_rule(rule: Rule, *, by: User) -> None:
    """The history and the trail keep it."""
    require_rule_maker(by)
    record(actor=by, action="rule.delete", obj=rule, data={"before": told(rule)})
    rule.delete()
    forget()


def _filled(rule: Rule, fields: Mapping[str, Any]) -> Rule:
    for name in FIELDS:
        if name in fields:
            setattr(rule, name, fields[name])
    rule.name = rule.name.strip()
    rule.conditions = [line.strip() for line in rule.conditions if line.strip()]
    rule.actions = sorted(set(rule.actions))
    require_sound(rule)
    return rule


def require_sound(rule: Rule) -> None:
    """Raise `Invalid` with the place of what is wrong, for the form as for programs."""
    require_valid(rule, "name", "description", "effect", "valid_from", "valid_until")
    if not rule.actions:
        raise Invalid.at("actions", "Choose at least one action.")
    if unknown := sorted(set(rule.actions) - set(vocabulary.ACTIONS)):
        raise Invalid.at(
            "actions",
            f"There is no action “{unknown[0]}”. There are {', '.join(vocabulary.ACTIONS)}.",
        )
    if (
        rule.valid_from is not None
        and rule.valid_until is not None
        and rule.valid_until <= rule.valid_from
    ):
        raise Invalid.at("valid_until", "The rule has to begin before it ends.")
    if len(rule.conditions) > MOST_CONDITIONS:
        raise Invalid.at("conditions", f"A rule has at most {MOST_CONDITIONS} conditions.")
    if not rule.conditions and rule.effect == Effect.ALLOW:
        raise Invalid.at(
            "conditions", "Without a condition, everybody may do this everywhere. Name one."
        )
    declared = rulebook.declarations()
    for number, line in enumerate(rule.conditions, start=1):
        require_condition(line, declared, number)
    entities = rulebook.read_rule(rule, declared).entities
    if not any(entities <= policy.reaches.keys() for policy in policies.BY_KIND.values()):
        raise Invalid.at(
            "conditions",
            f"Nothing has {' and '.join(sorted(entities))} at once, so that the rule would never "
            "hold.",
        )
    for action in rule.actions:
        _require_asked(action, entities)


def _require_asked(action: str, entities: frozenset[str]) -> None:
    """Raise where nothing that the action is done with has what the conditions name."""
    asked = [policy for policy in policies.BY_KIND.values() if action in policy.actions]
    if any(entities <= policy.reaches.keys() for policy in asked):
        return
    of = " or ".join(f"{policy.noun}s" for policy in asked)
    missing = ", ".join(sorted(entities - set().union(*(policy.reaches for policy in asked))))
    raise Invalid.at(
        "conditions",
        f"“{action}” is asked about {of}, which lead to no {missing or 'such object'}: for it, the "
        "rule would never hold.",
    )


def require_condition(line: str, declared: Declared, number: int) -> None:
    try:
        read(line, declared)
    except Invalid as refusal:
        raise Invalid.at("conditions", f"Condition {number}: {refusal.message}") from None


def _save(rule: Rule) -> None:
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError:
        sentence = f"There is a rule “{rule.name}” already. Choose another name."
        raise AlreadyExists(sentence, details={"name": sentence}) from None
    forget()


def told(rule: Rule) -> dict[str, Any]:
    """The rule as the trail keeps it."""
    found = {name: getattr(rule, name) for name in FIELDS}
    for name in ("valid_from", "valid_until"):
        found[name] = found[name].isoformat() if found[name] else None
    return found


@transaction.atomic
def give(
    obj: Model,
    *,
    to: User | Group,
    actions: Iterable[str],
    expires_at: datetime | None = None,
    reason: str = "",
    by: User,
) -> list[UserGrant] | list[GroupGrant]:
    """Let a person or a group do some actions on one object, and see it. Given again, it is as if
    it had been given so from the start.

    Nobody grants what he may not do himself, and nobody but administrators to himself.
    """
    actions = set(actions)
    policy, wanted = _grantable(obj, actions)
    require_giver(by, obj)
    if isinstance(to, User):
        _require_receiver(to, by)
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid.at("expires_at", "Choose a time that is still to come, or none.")
    if len(reason) > 300 or "\x00" in reason:
        raise Invalid.at("reason", "Give a reason of at most 300 characters.")
    for action in wanted:
        if not policy.allows(by, action, obj):
            raise NotPermitted(
                f"You may not {policy.verbs.get(action, action.replace('_', ' '))} this "
                f"{policy.noun} yourself, so that somebody else has to grant it."
            )
    kind = ContentType.objects.get_for_model(obj)
    model: Any
    model, whom = (UserGrant, "user") if isinstance(to, User) else (GroupGrant, "group")
    given: list[Any] = []
    for action in wanted:
        if action not in actions and (longer := _held_longer(obj, to, action, expires_at)):
            given.append(longer)
            continue
        values = {"given_by": by, "given_at": timezone.now(), "reason": reason.strip()}
        grant, _ = model.objects.update_or_create(
            **{whom: to},
            permission=_permission(kind, action),
            object_pk=str(obj.pk),
            defaults={"content_type": kind, "expires_at": expires_at, **values},
        )
        given.append(grant)
    record(
        actor=by,
        action="grant.give",
        obj=obj,
        also=[to],
        project=project_of(obj),
        reason=reason.strip(),
        data={
            "to": str(to),
            "kind": whom,
            "actions": list(wanted),
            "expires_at": expires_at.isoformat() if expires_at else None,
        },
    )
    forget()
    return given


@transaction.atomic
def take(obj: Model, *, of: User | Group, actions: Iterable[str], by: User) -> int:
    """Take grants back. Returns how many there were; without seeing it, nothing else is left."""
    require_giver(by, obj)
    kind = ContentType.objects.get_for_model(obj)
    wanted = sorted(set(actions))
    model, whom = (UserGrant, "user") if isinstance(of, User) else (GroupGrant, "group")
    found = model._default_manager.filter(
        **{whom: of}, content_type=kind, object_pk=str(obj.pk)
    ).select_related("permission")
    if "view" not in wanted:
        found = found.filter(permission__codename__in=wanted)
    taken = [grant.permission.codename for grant in found]
    for grant in found:
        grant.delete()
    if taken:
        record(
            actor=by,
            action="grant.take",
            obj=obj,
            also=[of],
            project=project_of(obj),
            data={"from": str(of), "kind": whom, "actions": sorted(taken)},
        )
        forget()
    return len(taken)


def require_giver(by: User, obj: Model) -> None:
    """Raise unless the person decides who else may do something with the object."""
    require_no_limits(by)
    action, decided_on = giving(obj)
    policies.of(decided_on).require(by, action, decided_on)


def may_give(by: User, obj: Model) -> bool:
    if by.limits is not None or not vocabulary.entity_of(obj):
        return False
    action, decided_on = giving(obj)
    return policies.of(decided_on).allows(by, action, decided_on)


def giving(obj: Model) -> tuple[str, Model]:
    """The action that lets somebody decide who else may do something with the object, and on what
    it is done."""
    project = project_of(obj)
    return ("manage_members", project) if project is not None else ("change", obj)


def project_of(obj: Model) -> Any:
    """The project that the object belongs to, or None."""
    path = policies.of(obj).reaches.get("project")
    return policies.reached(obj, path) if path is not None else None


def _grantable(
    obj: Model, actions: Iterable[str]
) -> tuple["policies.Policy[Any]", tuple[str, ...]]:
    policy = policies.of(obj)
    entity = vocabulary.entity_of(obj)
    if entity is None or not entity.grantable:
        raise Invalid(f"Nothing is granted on a single {policy.noun}.")
    given = set(actions)
    if unknown := sorted(given - set(entity.grantable)):
        raise Invalid.at(
            "actions",
            f"“{unknown[0]}” cannot be granted on a {policy.noun}. There are "
            f"{', '.join(entity.grantable)}.",
        )
    if not given:
        raise Invalid.at("actions", "Choose at least one action.")
    # What cannot be seen does not exist, so that nothing can be done with it.
    return policy, tuple(name for name in entity.grantable if name in given | {"view"})


def _require_receiver(to: User, by: User) -> None:
    if not to.is_active:
        raise Invalid.at("to", f"The account of {to} is disabled.")
    if to == by and not by.is_superuser:
        raise NotPermitted("Nobody grants himself anything: ask another owner of the project.")


def _held_longer(
    obj: Model, to: User | Group, action: str, expires_at: datetime | None
) -> UserGrant | GroupGrant | None:
    """A grant that is there already and lasts as long: what comes along does not shorten it."""
    to_people, to_groups = grants.on(obj)
    mine: list[Any] = [found for found in to_people if found.user_id == to.pk]
    if isinstance(to, Group):
        mine = [found for found in to_groups if found.group_id == to.pk]
    for found in mine:
        ends = found.expires_at
        if found.permission.codename == action and (
            ends is None or (expires_at is not None and ends >= expires_at)
        ):
            return found
    return None


def _permission(kind: ContentType, action: str) -> Permission:
    found, _ = Permission.objects.get_or_create(
        content_type=kind, codename=action, defaults={"name": f"Can {action.replace('_', ' ')}"}
    )
    return found
