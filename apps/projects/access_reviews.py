"""Periodic reviews of access: an owner looks through the table, takes away, and signs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.access import explanations
from apps.access import services as access
from apps.access.models import AccessReview
from apps.accounts.models import User
from apps.accounts.services import require_no_limits
from apps.audit.services import record
from apps.core.digests import digest_of
from apps.core.errors import Conflict, Invalid, NotPermitted
from apps.core.validation import require_valid
from apps.outbox.services import publish
from apps.projects import policies, services
from apps.projects.access_tables import REMOVABLE, Row, digest_of_table, grants_in, table_of
from apps.projects.events import AccessReviewDue
from apps.projects.models import Membership, Project

KEEP, REMOVE = "keep", "remove"


@dataclass(frozen=True)
class Difference:
    """Something that somebody has now and had not at the last review, or the other way round."""

    name: str
    what: str
    is_new: bool


def require_reader(by: User, project: Project) -> None:
    """Owners, auditors and administrators read who has access."""
    if not explanations.reads_all(by):
        require_no_limits(by)
        policies.projects.require(by, "manage_members", project)


def require_signer(by: User, project: Project) -> None:
    require_no_limits(by)
    policies.projects.require(by, "manage_members", project)


def reviews_of(project: Project) -> QuerySet[AccessReview]:
    found = AccessReview.objects.filter(project_id=project.pk)
    return found.select_related("signed_by").order_by("-pk")


def last_of(project: Project) -> AccessReview | None:
    return reviews_of(project).first()


@transaction.atomic
def sign(
    project: Project,
    *,
    decisions: Mapping[str, str],
    seen: str,
    remark: str = "",
    by: User,
) -> AccessReview:
    """Sign the table as it was seen, and take away what is decided on with `remove`.

    `decisions` has `keep` or `remove` for the key of each row in which the project decides.
    """
    project = Project.objects.select_for_update().get(pk=project.pk)
    require_signer(by, project)
    rows = table_of(project)
    if seen != digest_of_table(rows):
        raise Conflict(
            "Somebody’s access changed while you read. Look at the table again, and sign that.",
            code="content_changed",
        )
    _require_decisions(rows, decisions)
    document = {
        "project": {"id": project.pk, "slug": project.slug, "name": project.name},
        "visibility": project.visibility,
        "signed_by": by.username,
        "remark": remark.strip(),
        "table": [row.document() | {"decision": decisions.get(row.key, "")} for row in rows],
    }
    removed = [row for row in rows if decisions.get(row.key) == REMOVE]
    _remove(project, removed, by=by)
    review = AccessReview(
        project_id=project.pk,
        project_name=project.name,
        document=document,
        digest=digest_of(document),
        signed_by=by,
        remark=remark.strip(),
    )
    require_valid(review, "remark")
    review.save()
    record(
        actor=by,
        action="access_review.sign",
        obj=review,
        project=project,
        reason=review.remark,
        data={
            "digest": review.digest,
            "rows": len(rows),
            "removed": [row.name for row in removed],
        },
    )
    return review


def differences(before: AccessReview | None, rows: Iterable[Row]) -> list[Difference]:
    """What changed since the last review; nothing to compare with, nothing changed."""
    if before is None:
        return []
    had, has = _left_by(before.document), _had([row.document() for row in rows])
    return [
        *(Difference(name, what, True) for name, what in sorted(has - had)),
        *(Difference(name, what, False) for name, what in sorted(had - has)),
    ]


def days_between(own: int | None) -> int:
    """Days from one review to the next in a project that asks for `own`. 0: none is ever due.

    A project asks for reviews more often than everywhere, never for fewer.
    """
    chosen = [days for days in (own, settings.MLGOV_ACCESS_REVIEW_DAYS) if days]
    return min(chosen, default=0)


def due_at(project: Project) -> datetime | None:
    """When the next review is due; nothing where none ever is."""
    days = days_between(project.access_review_days)
    if not days:
        return None
    last = last_of(project)
    since = last.signed_at if last is not None else project.created_at
    return since + timedelta(days=days)


def overdue_days(project: Project) -> int | None:
    """For how many days a review has been due; nothing where it is not."""
    due = due_at(project)
    return None if due is None or due > timezone.now() else (timezone.now() - due).days


def remind() -> None:
    """Publish of each project whose review is due that it is."""
    last = AccessReview.objects.filter(project_id=OuterRef("pk")).order_by("-pk")
    since = Coalesce(Subquery(last.values("signed_at")[:1]), "created_at")
    projects = Project.objects.annotate(since=since).order_by("pk")
    for own in projects.order_by().values_list("access_review_days", flat=True).distinct():
        if not (days := days_between(own)):
            continue
        then = timezone.now() - timedelta(days=days)
        due = projects.filter(access_review_days=own, since__lte=then)
        for pk in due.values_list("pk", flat=True):
            with transaction.atomic():
                publish(AccessReviewDue(pk))


def _require_decisions(rows: list[Row], decisions: Mapping[str, str]) -> None:
    open_ = {row.key: row for row in rows if row.is_removable}
    if unknown := sorted(set(decisions) - set(open_)):
        raise Invalid(
            f"There is nothing to decide about “{unknown[0][:60]}” here.",
            details={"decisions": "Decide about the people of the table."},
        )
    for key, row in open_.items():
        if decisions.get(key) not in (KEEP, REMOVE):
            sentence = f"Decide whether {row.holder} keeps his access."
            raise Invalid(sentence, details={f"decision-{key}": sentence})


def _remove(project: Project, removed: list[Row], *, by: User) -> None:
    """Take away what the project gives. Whoever signs goes last: then he may no more."""
    if any(row.holder == by for row in removed):
        raise NotPermitted("You cannot sign yourself away: another owner removes you.")
    granted: dict[tuple[type, int], dict[Any, Any]] = {}
    for _, holder, obj in grants_in(project):
        granted.setdefault((type(holder), holder.pk), {})[type(obj), obj.pk] = obj
    for row in removed:
        holder = row.holder
        for obj in granted.get((type(holder), holder.pk), {}).values():
            access.take(obj, of=holder, actions=["view"], by=by)
        if isinstance(holder, Group):
            continue
        membership = Membership.objects.filter(project=project, user=holder).first()
        if membership is not None:
            services.remove_member(membership, by=by)


def _left_by(document: dict[str, Any]) -> set[tuple[str, str]]:
    """What was there once the decisions of a review were carried out."""
    left = []
    for row in document["table"]:
        is_removed = row["decision"] == REMOVE
        kept = [i for i in row["access"] if not (is_removed and i["kind"] in REMOVABLE)]
        left.append(row | {"access": kept})
    return _had(left)


def _had(table: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(row["name"], item["what"]) for row in table for item in row["access"]}
