"""Rules of a project for its labels. Those of all projects are made in the admin."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import AlreadyExists, Conflict, Invalid
from apps.core.validation import require_valid
from apps.projects import policies
from apps.projects.models import Project
from apps.registry.models import LabelKind, LabelRule
from apps.registry.rules import PLURALS


@transaction.atomic
def add_rule(
    project: Project,
    *,
    kind: str,
    pattern: str,
    roles: Iterable[str],
    after_promotion: bool = False,
    by: User,
) -> LabelRule:
    """Let labels that fit the pattern be set and deleted by some roles only; by none: by mlgov.

    A rule adds to those of all projects, and takes none of them back.
    """
    policies.projects.require(by, "manage_project", project)
    wanted = [role.value for role in PLURALS if role.value in set(roles)]
    if unknown := sorted(set(roles) - set(wanted)):
        raise Invalid.at("roles", f"Labels are set by {', '.join(PLURALS)}; not {unknown[0]}.")
    rule = LabelRule(
        project=project,
        kind=kind,
        pattern=pattern.strip(),
        roles=wanted,
        after_promotion=after_promotion,
    )
    require_valid(rule, "kind", "pattern")
    if after_promotion and kind != LabelKind.VERSION_TAG:
        raise Invalid.at("after_promotion", "Only tags of versions can wait for a promotion.")
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError:
        raise AlreadyExists(
            f"There is a rule for “{rule.pattern}” already. Remove it first."
        ) from (None)
    record(actor=by, action="label_rule.create", obj=rule, project=project, data=_told(rule))
    return rule


@transaction.atomic
def remove_rule(rule: LabelRule, *, by: User) -> None:
    """Take a rule of a project back."""
    if rule.project is None:
        raise Conflict("This rule holds in all projects; an administrator changes it.")
    policies.projects.require(by, "manage_project", rule.project)
    record(actor=by, action="label_rule.delete", obj=rule, project=rule.project, data=_told(rule))
    rule.delete()


def _told(rule: LabelRule) -> dict[str, object]:
    return {
        "kind": rule.kind,
        "pattern": rule.pattern,
        "roles": rule.roles,
        "after_promotion": rule.after_promotion,
    }
