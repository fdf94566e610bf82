"""Grants for reading: who holds what on an object, and what one person holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet

from apps.access import grants
from apps.access.models import GroupGrant, UserGrant
from apps.accounts.models import User


@dataclass(frozen=True)
class Held:
    """Actions that somebody was granted on one object, at once and on the same terms."""

    holder: User | Group
    actions: tuple[str, ...]
    expires_at: datetime | None
    given_by: User
    given_at: datetime
    reason: str
    is_in_force: bool
    obj: Model | None = None

    @property
    def kind(self) -> str:
        return "person" if isinstance(self.holder, User) else "group"

    @property
    def name(self) -> str:
        """What the holder is called in forms and by programs."""
        return self.holder.username if isinstance(self.holder, User) else self.holder.name


def held_on(obj: Model) -> list[Held]:
    """Who holds what on the object, also what has expired. People before groups."""
    to_people, to_groups = grants.on(obj, also_expired=True)
    return [*_together(to_people, {}), *_together(to_groups, {})]


def held_by(user: User) -> list[Held]:
    """What is granted to the person and to his groups, and has not expired."""
    mine: QuerySet[Any] = UserGrant.objects.filter(user=user)
    of_groups: QuerySet[Any] = GroupGrant.objects.filter(group__in=user.groups.values("pk"))
    given = [
        *grants.in_force(mine).select_related("user", "permission", "given_by").order_by("pk"),
        *grants.in_force(of_groups)
        .select_related("group", "permission", "given_by")
        .order_by("pk"),
    ]
    objects = grants.objects_of(given)
    return [held for held in _together(given, objects) if held.obj is not None]


def _together(given: Iterable[Any], objects: dict[tuple[int, str], Model]) -> list[Held]:
    """Grants to one holder on one object that were given on the same terms, in one row."""
    rows: dict[Any, list[Any]] = {}
    for grant in given:
        holder = grant.user if isinstance(grant, UserGrant) else grant.group
        terms = (grant.expires_at, grant.given_by_id, grant.reason)
        place = (grant.content_type_id, grant.object_pk)
        rows.setdefault((type(grant), holder.pk, place, terms), []).append(grant)
    found = []
    for same in rows.values():
        first = same[0]
        found.append(
            Held(
                holder=first.user if isinstance(first, UserGrant) else first.group,
                actions=tuple(sorted(grant.permission.codename for grant in same)),
                expires_at=first.expires_at,
                given_by=first.given_by,
                given_at=max(grant.given_at for grant in same),
                reason=first.reason,
                is_in_force=first.is_in_force,
                obj=objects.get((first.content_type_id, first.object_pk)),
            )
        )
    return found
