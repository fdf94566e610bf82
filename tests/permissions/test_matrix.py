"""One row per page and person. A page without a row fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver

from apps.projects.models import Visibility
from tests.permissions.world import World, make_world
from tests.sessions import sign_in

PEOPLE = (
    "anonymous", "stranger", "viewer", "reviewer", "scientist", "owner", "infrastructure",
    "administrator",
)  # fmt: skip
PAGES = {"web", "projects", "reviews", "cards", "accounts", "access"}
# Held to their own tables by tests/api, tests/contract and tests/deployments.
FOR_PROGRAMS = {"ops", "mlflow", "v1", "endpoints", "sign_on"}
NOT_OURS = {"admin"}

SIGN_IN = 302
#               anonymous  stranger viewer reviewer scientist owner infrastructure administrator
EVERYBODY = (SIGN_IN, 200, 200, 200, 200, 200, 200, 200)
EVERYBODY_MOVES_ON = (SIGN_IN, 302, 302, 302, 302, 302, 302, 302)
WHO_SEES_THE_PROJECT = (SIGN_IN, 404, 200, 200, 200, 200, 200, 200)
LED_ON = (SIGN_IN, 404, 302, 302, 302, 302, 302, 302)
CONTRIBUTORS = (SIGN_IN, 404, 403, 403, 200, 200, 403, 200)
GOVERNORS = (SIGN_IN, 404, 403, 403, 403, 200, 403, 200)
GOVERNORS_DO = (SIGN_IN, 404, 403, 403, 403, 302, 403, 302)
REVIEWERS = (SIGN_IN, 404, 403, 302, 403, 302, 403, 403)
IN_CHARGE_OF_THE_REQUEST = (SIGN_IN, 404, 403, 403, 302, 302, 403, 302)
# 422: they may, and the empty form is refused.
OPERATORS_WITH_A_FORM = (SIGN_IN, 404, 403, 403, 403, 422, 422, 422)
ADMINISTRATORS = (SIGN_IN, 403, 403, 403, 403, 403, 403, 200)
ADMINISTRATORS_DO = (SIGN_IN, 403, 403, 403, 403, 403, 403, 302)
ONLY_ITS_AUTHOR = (SIGN_IN, 404, 403, 403, 200, 403, 403, 403)
ONLY_THE_VIEWER = (SIGN_IN, 404, 302, 404, 404, 404, 404, 404)
# No tracking server answers here. tests/web/test_training.py asks one that does.
WHAT_A_VERSION_KEPT = (SIGN_IN, 503, 200, 200, 200, 200, 200, 200)
NOTHING_KEPT = (SIGN_IN, 503, 404, 404, 404, 404, 404, 404)

Values = Callable[[World], Any]


def nothing(world: World) -> dict[str, Any]:
    return {}


def of_version(world: World) -> list[Any]:
    return [world.name, world.version.number]


def of_deployment(world: World) -> list[Any]:
    return [world.deployment.pk]


def of_review(world: World) -> list[Any]:
    return [world.review.pk]


def of_comment(world: World) -> list[Any]:
    return [*of_version(world), world.comment.pk]


def of_project(world: World) -> list[Any]:
    return [world.project.slug]


def of_store(world: World) -> list[Any]:
    return [world.project.slug, world.access.pk]


def of_webhook(world: World) -> list[Any]:
    return [world.project.slug, world.webhook.pk]


def of_training_run(world: World) -> list[Any]:
    return [world.version.source_run_id]


def of_stage(world: World) -> list[Any]:
    return [world.project.slug, world.stage.pk]


def of_member(world: World) -> list[Any]:
    return [world.project.slug, world.member.pk]


def of_access_review(world: World) -> list[Any]:
    return [world.project.slug, world.access_review.pk]


def of_access_rule(world: World) -> list[Any]:
    return [world.access_rule.pk]


@dataclass(frozen=True)
class Row:
    name: str
    expected: tuple[int, ...]
    args: Values = field(default=lambda world: [])
    data: Values | None = None

    @property
    def method(self) -> str:
        return "get" if self.data is None else "post"


ROWS = [
    Row("web:inbox", EVERYBODY),
    Row("web:notifications", EVERYBODY),
    Row("web:notifications_read", EVERYBODY_MOVES_ON, data=nothing),
    Row("web:notification", ONLY_THE_VIEWER, lambda w: [w.notification.pk]),
    Row("web:notification_read", ONLY_THE_VIEWER, lambda w: [w.notification.pk], nothing),
    Row("web:models", EVERYBODY),
    Row("web:model", WHO_SEES_THE_PROJECT, lambda w: [w.name]),
    Row("web:model_attributes", GOVERNORS, lambda w: [w.name]),
    Row("web:version_attributes", GOVERNORS, of_version),
    Row("web:model_activity", WHO_SEES_THE_PROJECT, lambda w: [w.name]),
    Row("web:card", WHO_SEES_THE_PROJECT, of_version),
    Row("web:card_activity", WHO_SEES_THE_PROJECT, of_version),
    Row(
        "web:move",
        (SIGN_IN, 404, 403, 403, 403, 302, 403, 302),
        of_version,
        lambda w: {"stage": w.archived.pk},
    ),
    # 503: they may, and no replica answers.
    Row(
        "web:try_it",
        (SIGN_IN, 404, 403, 503, 503, 503, 403, 503),
        of_version,
        lambda w: {"deployment": w.deployment.pk, "body": "{}"},
    ),
    Row(
        "web:retry_registration",
        (SIGN_IN, 404, 403, 403, 302, 302, 302, 302),
        lambda w: [w.name, w.failed_version.number],
        nothing,
    ),
    Row("web:deployments", EVERYBODY),
    Row("web:deployment", WHO_SEES_THE_PROJECT, of_deployment),
    # 409: they may, and there is nothing to cancel or retry.
    Row(
        "web:deployment_cancel",
        (SIGN_IN, 404, 403, 403, 403, 409, 409, 409),
        of_deployment,
        nothing,
    ),
    Row(
        "web:deployment_retry", (SIGN_IN, 404, 403, 403, 409, 409, 409, 409), of_deployment, nothing
    ),
    Row("web:deployment_roll_back", OPERATORS_WITH_A_FORM, of_deployment, nothing),
    Row("web:deployment_retire", OPERATORS_WITH_A_FORM, of_deployment, nothing),
    Row("web:key_new", OPERATORS_WITH_A_FORM, of_deployment, nothing),
    Row(
        "web:key_revoke",
        (SIGN_IN, 404, 403, 403, 403, 302, 302, 302),
        lambda w: [w.deployment.pk, w.key.pk],
        nothing,
    ),
    Row("web:environments", EVERYBODY),
    Row("web:environment", EVERYBODY, lambda w: [w.stage.environment.slug]),
    Row("web:run_log", WHO_SEES_THE_PROJECT, lambda w: [w.run.pk]),
    Row("web:tracked_run", WHAT_A_VERSION_KEPT, of_training_run),
    Row("web:tracked_metric", NOTHING_KEPT, of_training_run),
    Row("web:tracked_artifacts", NOTHING_KEPT, of_training_run),
    Row("web:tracked_file", NOTHING_KEPT, of_training_run),
    Row("web:tracked_raw", NOTHING_KEPT, of_training_run),
    # Not switched on.
    Row("web:mlflow_pages", (SIGN_IN, 404, 404, 404, 404, 404, 404, 404)),
    Row("web:audit", EVERYBODY),
    Row("web:audit_event", WHO_SEES_THE_PROJECT, lambda w: [w.event.pk]),
    Row("web:audit_export", EVERYBODY, lambda w: ["csv"]),
    Row("web:object", LED_ON, lambda w: ["registry.modelversion", str(w.version.pk)]),
    Row("web:operations", (SIGN_IN, 404, 404, 404, 404, 404, 404, 200)),
    Row(
        "web:message_retry",
        (SIGN_IN, 404, 404, 404, 404, 404, 404, 302),
        lambda w: [w.message.pk],
        nothing,
    ),
    Row("projects:list", EVERYBODY),
    Row("projects:new", EVERYBODY),
    Row("projects:detail", WHO_SEES_THE_PROJECT, of_project),
    Row("projects:members", WHO_SEES_THE_PROJECT, of_project),
    Row("projects:member", GOVERNORS, of_member),
    Row("projects:member_remove", GOVERNORS_DO, of_member, nothing),
    Row("projects:settings", GOVERNORS, of_project),
    Row("projects:attributes", GOVERNORS, of_project),
    Row("projects:prefix_new", GOVERNORS_DO, of_project, lambda w: {"prefix": "credit-"}),
    Row(
        "projects:prefix_remove",
        GOVERNORS_DO,
        lambda w: [w.project.slug, w.prefix.pk],
        nothing,
    ),
    Row(
        "projects:rule_new",
        GOVERNORS_DO,
        of_project,
        lambda w: {"kind": "alias", "pattern": "champion", "roles": ["owner"]},
    ),
    Row("projects:rule_remove", GOVERNORS_DO, lambda w: [w.project.slug, w.rule.pk], nothing),
    Row("projects:sources", GOVERNORS, of_project),
    Row("projects:tracking", GOVERNORS_DO, of_project, lambda w: {"server": w.server.slug}),
    Row("projects:tracking_reset", GOVERNORS_DO, of_project, nothing),
    # They may ask; what does not answer is told on the page they come back to.
    Row("projects:tracking_check", GOVERNORS_DO, of_project, nothing),
    Row("projects:store_new", GOVERNORS_DO, of_project, lambda w: {"store": w.access.store.slug}),
    Row("projects:store_remove", GOVERNORS_DO, of_store, nothing),
    Row("projects:store_check", GOVERNORS_DO, of_store, nothing),
    Row("projects:access", GOVERNORS, of_project),
    Row("projects:access_review", GOVERNORS, of_access_review),
    Row("projects:access_export", GOVERNORS, lambda w: [*of_access_review(w), "json"]),
    Row("projects:webhooks", GOVERNORS, of_project),
    Row("projects:webhook_new", GOVERNORS, lambda w: [w.project.slug, "mlflow"]),
    Row("projects:webhook", GOVERNORS, of_webhook),
    # They may; that nobody listens is told on the page they come back to.
    Row("projects:webhook_test", GOVERNORS_DO, of_webhook, nothing),
    Row("projects:webhook_switch", GOVERNORS_DO, of_webhook, nothing),
    Row("projects:webhook_delete", GOVERNORS_DO, of_webhook, nothing),
    Row("projects:experiments", WHO_SEES_THE_PROJECT, of_project),
    Row(
        "projects:experiment",
        WHO_SEES_THE_PROJECT,
        lambda w: [w.project.slug, w.experiment.experiment_id],
    ),
    Row("projects:override", GOVERNORS, of_stage),
    Row("projects:override_reset", GOVERNORS_DO, of_stage, nothing),
    Row("cards:edit", CONTRIBUTORS, of_version),
    Row("cards:comments", WHO_SEES_THE_PROJECT, of_version),
    Row("cards:comment", ONLY_ITS_AUTHOR, of_comment),
    Row(
        "cards:comment_delete",
        (SIGN_IN, 404, 403, 403, 302, 302, 403, 302),
        of_comment,
        nothing,
    ),
    Row("cards:revisions", WHO_SEES_THE_PROJECT, of_version),
    Row("cards:revision", WHO_SEES_THE_PROJECT, lambda w: [*of_version(w), 1]),
    Row("reviews:new", CONTRIBUTORS, of_version),
    Row("reviews:detail", WHO_SEES_THE_PROJECT, of_review),
    Row("reviews:approve", REVIEWERS, of_review, lambda w: {"read_digest": w.digest}),
    Row(
        "reviews:request_changes",
        REVIEWERS,
        of_review,
        lambda w: {"read_digest": w.digest, "comment": "Say more."},
    ),
    Row(
        "reviews:comment",
        (SIGN_IN, 404, 403, 302, 302, 302, 403, 302),
        of_review,
        lambda w: {"text": "Fine."},
    ),
    Row("reviews:withdraw", IN_CHARGE_OF_THE_REQUEST, of_review, nothing),
    Row(
        "reviews:ask",
        IN_CHARGE_OF_THE_REQUEST,
        of_review,
        lambda w: {"reviewers": [w.risk_reviewer.pk]},
    ),
    Row("access:why", EVERYBODY),
    Row("access:who", EVERYBODY),
    # They may ask, and have not named an object.
    Row("access:who_export", (SIGN_IN, 422, 422, 422, 422, 422, 422, 422)),
    Row("access:what", EVERYBODY),
    Row("access:what_export", EVERYBODY),
    Row("access:grants", GOVERNORS, lambda w: ["version", w.version.pk]),
    Row(
        "access:take",
        GOVERNORS_DO,
        lambda w: ["version", w.version.pk],
        lambda w: {"person": "viewer", "actions": "view"},
    ),
    Row("access:rules", ADMINISTRATORS),
    Row("access:rule_new", ADMINISTRATORS),
    Row("access:rule", ADMINISTRATORS, of_access_rule),
    Row("access:rule_switch", ADMINISTRATORS_DO, of_access_rule, nothing),
    Row("access:rule_delete", ADMINISTRATORS_DO, of_access_rule, nothing),
    Row("accounts:profile", EVERYBODY),
    Row("accounts:tokens", EVERYBODY),
    Row("accounts:sessions", EVERYBODY),
    Row("accounts:sessions_end", EVERYBODY_MOVES_ON, data=nothing),
    Row("accounts:session_end", ONLY_THE_VIEWER, lambda w: [w.session.pk], nothing),
    Row("accounts:token_revoke", ONLY_THE_VIEWER, lambda w: [w.token.pk], nothing),
]


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_person_gets_what_the_row_says(world: World, row: Row) -> None:
    url = reverse(row.name, args=row.args(world))
    data = row.data(world) if row.data else {}
    assert {person: _status(world, person, row, url, data) for person in PEOPLE} == dict(
        zip(PEOPLE, row.expected, strict=True)
    )


def test_in_an_internal_project_everybody_gets_what_a_viewer_gets(world: World) -> None:
    world.project.visibility = Visibility.INTERNAL
    world.project.save()
    for row in ROWS:
        url, data = reverse(row.name, args=row.args(world)), row.data(world) if row.data else {}
        stranger, viewer = (_status(world, who, row, url, data) for who in ("stranger", "viewer"))
        assert stranger == (404 if row.expected == ONLY_THE_VIEWER else viewer), row.name


def test_nobody_who_is_not_signed_in_is_shown_anything_but_the_sign_in(world: World) -> None:
    for row in ROWS:
        url = reverse(row.name, args=row.args(world))
        response = getattr(Client(), row.method)(url)
        assert response["Location"].startswith("/accounts/login/"), row.name


def test_each_page_of_ours_has_a_row() -> None:
    names = set(_names(get_resolver()))
    unknown = {n.partition(":")[0] for n in names} - PAGES - FOR_PROGRAMS - NOT_OURS
    ours = {name for name in names if name.partition(":")[0] in PAGES}
    assert (unknown, ours - {row.name for row in ROWS}) == (set(), set())


def _status(world: World, person: str, row: Row, url: str, data: dict[str, Any]) -> int:
    client, user = Client(), world.people[person]
    # Each person finds the world as it was.
    with transaction.atomic():
        if user is not None:
            sign_in(client, user)
        response = getattr(client, row.method)(url, data)
        transaction.set_rollback(True)
    return response.status_code


def _names(resolver: URLResolver, namespace: str = "") -> Iterator[str]:
    """Names of the patterns in a name space; those without one belong to allauth and to nobody."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = ":".join(filter(None, [namespace, pattern.namespace or ""]))
            yield from _names(pattern, inner)
        elif isinstance(pattern, URLPattern) and namespace and pattern.name:
            yield f"{namespace}:{pattern.name}"
