"""What was granted on single objects, as a part of a query."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import BigIntegerField, Model, Q, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from apps.access import vocabulary
from apps.access.models import GroupGrant, UserGrant
from apps.accounts.models import User


def granted(user: User, action: str, reaches: Mapping[str, str]) -> Q:
    """Objects on which, or on what they belong to, the person was granted the action."""
    found = Q(pk__in=[])
    for name, path in reaches.items():
        entity = vocabulary.ENTITIES.get(name)
        if entity is None or action not in entity.grantable:
            continue
        lookup = f"{path}__in" if path else "pk__in"
        for given in (
            UserGrant.objects.filter(user=user),
            GroupGrant.objects.filter(group__in=user.groups.values("pk")),
        ):
            found |= Q(**{lookup: _keys(given, entity.model, action)})
    return found


def in_force(given: QuerySet[Any]) -> QuerySet[Any]:
    """Grants that have not expired."""
    return given.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def _keys(given: QuerySet[Any], model: type[Model], action: str) -> QuerySet[Any]:
    kind = ContentType.objects.get_for_model(model)
    found = in_force(given).filter(permission__codename=action, permission__content_type=kind)
    # guardian keeps keys of any model as text.
    return found.order_by().annotate(key=Cast("object_pk", BigIntegerField())).values("key")


def on(obj: Model, *, also_expired: bool = False) -> tuple[list[UserGrant], list[GroupGrant]]:
    """The grants on one object, to people and to groups."""
    kind = ContentType.objects.get_for_model(obj)
    found: list[Any] = []
    for model, whom in ((UserGrant, "user"), (GroupGrant, "group")):
        given: QuerySet[Any] = model.objects.filter(content_type=kind, object_pk=str(obj.pk))
        if not also_expired:
            given = in_force(given)
        found.append(list(given.select_related(whom, "permission", "given_by").order_by("pk")))
    return found[0], found[1]


def objects_of(given: Iterable[Any]) -> dict[tuple[int, str], Model]:
    """The objects that grants are on, each kind in one query: (content type, key) -> object."""
    keys: dict[int, set[str]] = {}
    for grant in given:
        keys.setdefault(grant.content_type_id, set()).add(grant.object_pk)
    found: dict[tuple[int, str], Model] = {}
    for kind_id, pks in keys.items():
        model = ContentType.objects.get_for_id(kind_id).model_class()
        if model is not None:
            for pk, obj in model._default_manager.in_bulk(list(map(int, pks))).items():
                found[kind_id, str(pk)] = obj
    return found
