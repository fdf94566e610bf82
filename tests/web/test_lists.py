"""Lists ask the database as often for three rows as for one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record, seal
from apps.cards import services as cards
from apps.deployments.models import Deployment, Endpoint, Replica
from apps.notifications.models import Notification
from apps.projects.models import Project
from apps.registry.models import Lineage, ModelVersion, RegisteredModel
from apps.reviews import queries as review_queries
from apps.reviews import services as reviews
from apps.runs.models import Run
from apps.stages.models import Placement, Stage, StageMove
from tests import factories

Signed = Callable[[User], Client]


def queries_for(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    assert response.status_code == 200
    return len(captured)


def test_models(signed_in: Signed, viewer: User, project: Project, staging: Stage) -> None:
    client = signed_in(viewer)

    def add(name: str) -> None:
        version = factories.make_version(factories.make_model(project, name), by=project.created_by)
        Placement.objects.create(version=version, stage=staging)

    _same_for_three(client, "/models", add)


def test_found_cards(signed_in: Signed, viewer: User, project: Project, staging: Stage) -> None:
    def add(name: str) -> None:
        version = factories.make_version(factories.make_model(project, name), by=project.created_by)
        cards.edit_card(
            version,
            by=project.created_by,
            base_revision=1,
            changes={"/use/intended_use": "Loans.", "/overview/owner": {"name": "Risk"}},
        )
        Placement.objects.create(version=version, stage=staging)

    _same_for_three(signed_in(viewer), "/cards/search?q=loans&owner=risk", add)


def test_projects(signed_in: Signed, viewer: User, owner: User, project: Project) -> None:
    def add(name: str) -> None:
        factories.join(factories.make_project(name, owner=owner), viewer, "viewer")

    _same_for_three(signed_in(viewer), "/projects", add)


def test_versions_of_a_model(
    signed_in: Signed, viewer: User, model: RegisteredModel, data_scientist: User, staging: Stage
) -> None:
    def add(name: str) -> None:
        version = factories.make_version(model, by=data_scientist)
        Lineage.objects.create(
            version=version, document={"metrics": [{"name": "auc", "value": 0.5}]}
        )
        Placement.objects.create(version=version, stage=staging)

    _same_for_three(signed_in(viewer), "/models/scoring", add)


@pytest.mark.parametrize("show", ["waiting", "done"])
def test_inbox(
    show: str,
    signed_in: Signed,
    project: Project,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
    staging: Stage,
) -> None:
    def add(name: str) -> None:
        version = factories.make_version(factories.make_model(project, name), by=data_scientist)
        review = reviews.request_review(
            version, stage=staging, reviewers=[reviewer, risk_reviewer], note="Now.",
            by=data_scientist,
        )  # fmt: skip
        if show == "done":
            for person in (reviewer, risk_reviewer):
                reviews.approve(
                    review, by=person, read_digest=review_queries.content_digest(review)
                )

    _same_for_three(signed_in(reviewer), f"/?show={show}", add)


def test_notifications(signed_in: Signed, viewer: User) -> None:
    def add(name: str) -> None:
        Notification.objects.create(user=viewer, key=name, kind="k", subject=name, path="/")

    _same_for_three(signed_in(viewer), "/notifications", add)


def test_audit(signed_in: Signed, viewer: User, owner: User, project: Project) -> None:
    def add(name: str) -> None:
        record(actor=owner, action="project.edit", obj=project, project=project, reason=name)
        seal()

    _same_for_three(signed_in(viewer), "/audit", add)


@pytest.mark.parametrize("url", ["/deployments", "/environments/staging"])
def test_deployments(
    url: str, signed_in: Signed, viewer: User, project: Project, data_scientist: User
) -> None:
    environment = factories.make_environment("staging")
    stage = factories.make_stage("staging", environment=environment)

    def add(name: str) -> None:
        model = factories.make_model(project, name)
        version = factories.make_version(model, by=data_scientist)
        move = StageMove.objects.create(version=version, to_stage=stage, artifact_digest="x")
        endpoint = Endpoint.objects.create(
            project=project, environment=environment, model=model, slug=name
        )
        deployment = Deployment.objects.create(
            endpoint=endpoint, version=version, move=move, state="serving"
        )
        Replica.objects.create(deployment=deployment, index=0, state="healthy")

    _same_for_three(signed_in(viewer), url, add)
    page = signed_in(viewer).get(url).content.decode()
    # On the page of the environment, the column would say the same in each row.
    assert (">Environment</th>" in page) == (url == "/deployments")


def test_environments(signed_in: Signed, viewer: User) -> None:
    def add(name: str) -> None:
        factories.make_stage(name, environment=factories.make_environment(name))

    _same_for_three(signed_in(viewer), "/environments", add)


def test_members(signed_in: Signed, owner: User, project: Project) -> None:
    role = factories.make_reviewer_role("domain")

    def add(name: str) -> None:
        factories.join(project, factories.make_user(name), "reviewer", role)

    _same_for_three(signed_in(owner), "/projects/credit/members", add)


def test_models_of_a_project(
    signed_in: Signed, viewer: User, project: Project, data_scientist: User
) -> None:
    def add(name: str) -> None:
        factories.make_version(factories.make_model(project, name), by=data_scientist)

    _same_for_three(signed_in(viewer), "/projects/credit", add)


def test_revisions(signed_in: Signed, viewer: User, owner: User, version: ModelVersion) -> None:
    def add(name: str) -> None:
        base = version.card_revisions.count()
        cards.edit_card(
            version, by=owner, changes={"/overview/description": name}, base_revision=base
        )

    _same_for_three(signed_in(viewer), "/models/scoring/versions/1/card/revisions", add)


def test_operations(signed_in: Signed, administrator: User, owner: User) -> None:
    def add(name: str) -> None:
        Run.objects.create(
            kind="k", title=name, state="running", started_at=timezone.now(), requested_by=owner
        )

    _same_for_three(signed_in(administrator), "/operations", add)


def test_tokens(signed_in: Signed, viewer: User) -> None:
    def add(name: str) -> None:
        viewer.access_tokens.create(name=name, prefix=name, digest="0" * 64)

    _same_for_three(signed_in(viewer), "/account/tokens", add)


def _same_for_three(client: Client, url: str, add: Callable[[str], Any]) -> None:
    add("one")
    with_one = queries_for(client, url)
    add("two")
    add("three")
    assert queries_for(client, url) == with_one
