"""Who has access to a project, and by what: the table that an access review looks at."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, Exists, Max, QuerySet
from django.db.models.functions import Cast

from apps.access import grants, policies, vocabulary, who
from apps.access.models import GroupGrant, UserGrant
from apps.access.rulebook import ReadRule, RuleForPerson
from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.core.digests import digest_of
from apps.projects.models import Membership, Project
from apps.projects.roles import GLOBAL_ACTIONS

# People of whom one query asks whether a rule reaches something of the project.
TOGETHER = 20
# What an owner of the project takes away himself. The rest is decided by administrators.
REMOVABLE = frozenset({"role", "grant"})


@dataclass(frozen=True)
class Item:
    """One thing that gives access. `kind`: role, grant, group, administrator or rule."""

    kind: str
    what: str
    since: str | None = None
    until: str | None = None
    given_by: str = ""


@dataclass
class Row:
    """A person, or a group that was granted something."""

    holder: User | Group
    items: list[Item] = field(default_factory=list)
    last_activity: datetime | None = None

    @property
    def kind(self) -> str:
        return "person" if isinstance(self.holder, User) else "group"

    @property
    def name(self) -> str:
        return self.holder.username if isinstance(self.holder, User) else self.holder.name

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.holder.pk}"

    @property
    def is_removable(self) -> bool:
        """Whether there is something that the project itself gives."""
        return any(item.kind in REMOVABLE for item in self.items)

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = {"kind": self.kind, "name": self.name, "shown": str(self.holder)}
        if isinstance(self.holder, User):
            found["is_active"] = self.holder.is_active
            found["is_service_account"] = self.holder.is_service_account
        return found | {"access": [asdict(item) for item in self.items]}


def table_of(project: Project) -> list[Row]:
    """Everybody who has access beyond what an internal project gives to all. People come first."""
    rows: dict[tuple[type, int], Row] = {}

    def add(holder: User | Group, item: Item) -> None:
        rows.setdefault((type(holder), holder.pk), Row(holder)).items.append(item)

    for membership in Membership.objects.filter(project=project).select_related("user"):
        since = membership.created_at.isoformat()
        add(membership.user, Item("role", membership.get_role_display(), since))
    for holder, item in _granted(project):
        add(holder, item)
    for user, group in _by_global_role():
        add(user, Item("group", f"{group}, in all projects"))
    for user in User.objects.filter(is_active=True, is_superuser=True):
        add(user, Item("administrator", "everything, everywhere"))
    for user, rule in _by_rule(project):
        add(user, Item("rule", f"{', '.join(sorted(rule.actions))} by the rule “{rule.name}”"))
    _note_activity(project, [row for row in rows.values() if row.kind == "person"])
    return sorted(rows.values(), key=lambda row: (row.kind != "person", row.name))


def digest_of_table(rows: Iterable[Row]) -> str:
    """What a review is bound to: the table, without what people did meanwhile."""
    return digest_of([row.document() for row in rows])


def grants_in(project: Project) -> Iterator[tuple[Any, User | Group, Any]]:
    """(grant, holder, object) for all that is granted within the project, and has not expired."""
    given: list[Any] = []
    for entity in vocabulary.ENTITIES.values():
        path = policies.BY_KIND[entity.model._meta.label_lower].reaches.get("project")
        if not (entity.grantable and path):
            continue
        kind = ContentType.objects.get_for_model(entity.model)
        mine = entity.model._default_manager.filter(**{path: project}).order_by()
        keys = mine.annotate(key=Cast("pk", CharField())).values("key")
        for model, whom in ((UserGrant, "user"), (GroupGrant, "group")):
            found: QuerySet[Any] = model._default_manager.filter(
                content_type=kind, object_pk__in=keys
            )
            related = (whom, "permission", "given_by")
            given += grants.in_force(found).select_related(*related).order_by("pk")
    objects = grants.objects_of(given)
    for grant in given:
        obj = objects.get((grant.content_type_id, grant.object_pk))
        if obj is not None:
            yield grant, grant.user if isinstance(grant, UserGrant) else grant.group, obj


def _granted(project: Project) -> Iterator[tuple[User | Group, Item]]:
    """What was granted on one object on the same terms is one thing."""
    together: dict[Any, list[Any]] = {}
    holders: dict[Any, tuple[User | Group, Any]] = {}
    for grant, holder, obj in grants_in(project):
        key = (type(holder), holder.pk, type(obj), obj.pk, grant.expires_at, grant.given_by_id)
        together.setdefault(key, []).append(grant)
        holders[key] = (holder, obj)
    for key, same in together.items():
        holder, obj = holders[key]
        actions = ", ".join(sorted(grant.permission.codename for grant in same))
        until = same[0].expires_at
        yield (
            holder,
            Item(
                "grant",
                f"{actions} on the {policies.of(obj).noun} {obj}",
                min(grant.given_at for grant in same).isoformat(),
                until.isoformat() if until else None,
                str(same[0].given_by),
            ),
        )


def _by_global_role() -> Iterator[tuple[User, str]]:
    through = User.groups.through.objects.filter(
        group__name__in=GLOBAL_ACTIONS, user__is_active=True
    )
    for row in through.select_related("user", "group").order_by("user", "group"):
        yield row.user, row.group.name


def _by_rule(project: Project) -> Iterator[tuple[User, ReadRule]]:
    """People whom a rule allows something on an object of the project."""
    users: list[User] = []
    rules = [rule for rule in who.rules_in_force() if not rule.denies and not rule.fault]
    for policy in _kinds_within():
        objects = policy.model._default_manager.filter(
            **{policy.reaches["project"] or "pk": project.pk}
        ).order_by()
        mine = [rule for rule in rules if _about(rule) is policy]
        for rule in who.rules_about(mine, policy, objects) if mine else []:
            users = users or [user for user in who.active_people() if not user.is_superuser]
            concerned = [(u, left) for u in users if (left := rule.for_person(u)) is not None]
            yield from ((user, rule) for user in _reached(policy, objects, concerned))


def _about(rule: ReadRule) -> "policies.Policy[Any] | None":
    """The first kind of objects within a project that the rule can be about."""
    return next((p for p in _kinds_within() if rule.entities <= p.reaches.keys()), None)


def _kinds_within() -> list["policies.Policy[Any]"]:
    """Kinds of objects that lie in projects, and that rules name."""
    found = [policies.BY_KIND[e.model._meta.label_lower] for e in vocabulary.ENTITIES.values()]
    return [policy for policy in found if "project" in policy.reaches]


def _reached(
    policy: "policies.Policy[Any]",
    objects: QuerySet[Any],
    concerned: list[tuple[User, RuleForPerson]],
) -> Iterator[User]:
    people = iter(concerned)
    while some := list(islice(people, TOGETHER)):
        columns = [Exists(objects.filter(left.where(policy.reaches))) for _, left in some]
        one = User.objects.order_by().filter(pk=some[0][0].pk)
        answers = one.values_list(*columns).first() or ()
        yield from (user for (user, _), hit in zip(some, answers, strict=False) if hit)


def _note_activity(project: Project, rows: list[Row]) -> None:
    last = dict(
        AuditEvent.objects.filter(
            project_id=project.pk, actor_id__in=[row.holder.pk for row in rows]
        )
        .order_by()
        .values_list("actor_id")
        .annotate(Max("at"))
    )
    for row in rows:
        row.last_activity = last.get(row.holder.pk)
