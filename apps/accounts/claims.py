"""What the claims of a sign-on give a person: groups and attributes, by a table in the admin."""

import logging
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q

from apps.accounts.attributes import problem_with
from apps.accounts.models import AttributeKind, ClaimMapping, User
from apps.audit.services import record

log = logging.getLogger(__name__)


@transaction.atomic
def apply_claims(user: User, provider: str, claims: Mapping[str, Any]) -> None:
    """Give what the claims say, and take back what they do not say any more.

    Only groups and attributes that the table names are touched: others were given here.
    """
    mappings = ClaimMapping.objects.filter(Q(provider="") | Q(provider=provider))
    mappings = mappings.select_related("group", "attribute")
    user = User.objects.select_for_update().get(pk=user.pk)
    before: dict[str, Any] = {}
    now: dict[str, Any] = {}

    managed = {mapping.group for mapping in mappings if mapping.group is not None}
    given = {m.group for m in mappings if m.group is not None and _says(claims, m)}
    has = set(user.groups.all())
    if has & managed != given:
        user.groups.set((has - managed) | given)
        before["groups"] = sorted(group.name for group in has)
        now["groups"] = sorted(group.name for group in (has - managed) | given)

    attributes = dict(user.attributes)
    for mapping in mappings:
        if mapping.attribute is None:
            continue
        value = _fitting(_claim(claims, mapping.claim), mapping, user)
        if value is None:
            attributes.pop(mapping.attribute.name, None)
        else:
            attributes[mapping.attribute.name] = value
    if attributes != user.attributes:
        before["attributes"], now["attributes"] = user.attributes, attributes
        user.attributes = attributes
        user.save(update_fields=["attributes"])
    if now:
        data = {"before": before, "now": now, "provider": provider}
        record(actor=None, action="user.sign_on", obj=user, data=data)


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """The claim at a path such as `realm_access.roles`. A whole name with dots comes first."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _says(claims: Mapping[str, Any], mapping: ClaimMapping) -> bool:
    found = _claim(claims, mapping.claim)
    values = found if isinstance(found, list) else [found]
    return any(isinstance(value, str | int) and str(value) == mapping.value for value in values)


def _fitting(value: Any, mapping: ClaimMapping, user: User) -> Any:
    """The value as the attribute takes it; None where it does not."""
    attribute = mapping.attribute
    if value is None or attribute is None:
        return None
    if attribute.kind == AttributeKind.LIST and isinstance(value, str):
        value = [value]
    if problem := problem_with(value, attribute):
        log.warning(
            "the claim %s does not fit for user %s: %s %s",
            mapping.claim, user.pk, attribute.name, problem,
        )  # fmt: skip
        return None
    return value
