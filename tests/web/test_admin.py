"""The admin: effective at once, recorded, and no door to what only services write."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.projects.models import Project, ReviewerRole
from apps.stages import queries
from apps.stages.models import Environment, Stage
from tests import factories


@pytest.fixture
def client(administrator: User) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


def stage_form(stage: Stage, **changes: Any) -> dict[str, Any]:
    return {
        "name": stage.name,
        "slug": stage.slug,
        "project": "",
        "description": "",
        "order": stage.order,
        "colour": stage.colour,
        "approvals_required": stage.approvals_required,
        "required_roles": [role.pk for role in stage.required_roles.all()],
        "environment": "",
        "single_occupancy": "on",
        "mlflow_stage": stage.mlflow_stage,
        **changes,
    }


def test_a_stage_is_changed_at_once_and_recorded(
    client: Client,
    administrator: User,
    staging: Stage,
    project: Project,
    domain_role: ReviewerRole,
) -> None:
    response = client.post(
        f"/admin/stages/stage/{staging.pk}/change/",
        stage_form(staging, approvals_required=3, required_roles=[domain_role.pk]),
    )
    assert response.status_code == 302, response.content.decode()
    policy = queries.policy_for(Stage.objects.get(pk=staging.pk), project)
    assert (policy.approvals_required, [role.slug for role in policy.roles]) == (3, ["domain"])

    event = AuditEvent.objects.get(action="stage.edit")
    assert (event.actor_id, event.via, event.data) == (
        administrator.pk,
        "admin",
        {
            "before": {"approvals_required": 2, "required_roles": ["Domain", "Risk"]},
            "now": {"approvals_required": 3, "required_roles": ["Domain"]},
        },
    )
    history = client.get(f"/admin/stages/stage/{staging.pk}/history/")
    assert (history.status_code, b" style=" in history.content) == (200, False)
    assert staging.history.first().history_user_id == administrator.pk
    who = f'<a href="/admin/accounts/user/{administrator.pk}/change/">{administrator}</a>'
    assert who in history.content.decode()


def test_saving_without_a_change_records_nothing(client: Client, staging: Stage) -> None:
    client.post(f"/admin/stages/stage/{staging.pk}/change/", stage_form(staging))
    assert not AuditEvent.objects.filter(action="stage.edit").exists()


def environment_form(environment: Environment, **changes: Any) -> dict[str, Any]:
    names = ("name", "slug", "order", "replicas", "cpu", "memory_mb")
    return {
        **{name: getattr(environment, name) for name in names},
        "target": "process",
        "builder": "venv",
        "options": "{}",
        "registry": "",
        "registry_username": "",
        "description": "",
        "new_registry_password": "",
        **changes,
    }


def test_a_registry_password_is_written_and_never_shown(client: Client) -> None:
    environment = factories.make_environment("staging")
    url = f"/admin/stages/environment/{environment.pk}/change/"
    client.post(url, environment_form(environment, new_registry_password="geheim-42"))
    stored = Environment.objects.get(pk=environment.pk)
    assert stored.registry_password == "geheim-42"
    client.post(url, environment_form(stored, name="Other"))
    assert Environment.objects.get(pk=environment.pk).registry_password == "geheim-42"
    assert b"geheim-42" not in client.get(url).content
    assert "geheim-42" not in str(list(AuditEvent.objects.values_list("data", flat=True)))

    client.post(url, environment_form(stored, forget_registry_password="on"))
    assert Environment.objects.get(pk=environment.pk).registry_password == ""


def test_an_unknown_plug_in_is_refused_with_the_known_ones(client: Client) -> None:
    environment = factories.make_environment("staging")
    response = client.post(
        f"/admin/stages/environment/{environment.pk}/change/",
        environment_form(environment, target="kubernetes"),
    )
    assert "There is no plug-in “kubernetes”. Installed are: docker, process" in (
        response.content.decode()
    )


def test_a_person_is_invited_and_never_deleted(client: Client) -> None:
    response = client.post(
        "/admin/accounts/user/add/",
        {
            "username": "nora",
            "name": "Nora",
            "email": "nora@example.org",
            "usable_password": "true",
            "password1": "a long passphrase",
            "password2": "a long passphrase",
        },
    )
    nora = User.objects.get(username="nora")
    event = AuditEvent.objects.get(action="user.create")
    assert (response.status_code, nora.check_password("a long passphrase")) == (302, True)
    assert "a long passphrase" not in str(event.data)
    assert client.get(f"/admin/accounts/user/{nora.pk}/delete/").status_code == 403


def test_what_only_services_write_cannot_be_written_here(
    client: Client, project: Project, rf: Any, administrator: User
) -> None:
    request = rf.get("/")
    request.user = administrator
    writable = {
        model._meta.label
        for model, page in admin.site._registry.items()
        if page.has_change_permission(request) or page.has_add_permission(request)
    }
    assert writable == {
        # Through the service.
        "access.Rule",
        "accounts.Attribute",
        "accounts.ClaimMapping",
        "accounts.User",
        "auth.Group",
        "cards.CardRequirement",
        "cards.SectionRule",
        "evaluations.EvaluationRule",
        # Its attributes only, through the service.
        "projects.Project",
        "projects.ReviewerRole",
        "registry.LabelRule",
        "socialaccount.SocialApp",
        "stages.Environment",
        "stages.Stage",
        "tracking.ArtifactStore",
        "tracking.Experiment",
        "tracking.StoreAccess",
        "tracking.TrackingServer",
    }


def test_each_list_and_form_opens(
    client: Client, staging: Stage, project: Project, administrator: User
) -> None:
    for model in admin.site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert client.get(base).status_code == 200, base
        if (found := model._default_manager.first()) is not None:
            assert client.get(f"{base}{found.pk}/change/").status_code == 200, base


def test_a_key_that_no_database_holds_is_an_unknown_choice(client: Client, staging: Stage) -> None:
    form = stage_form(staging, required_roles=["9" * 40])

    answer = client.post(f"/admin/stages/stage/{staging.pk}/change/", form)

    assert answer.status_code == 200
    assert "required_roles" in answer.context["adminform"].form.errors


def test_a_revision_that_does_not_exist_is_not_found(client: Client, staging: Stage) -> None:
    group = Group.objects.create(name="auditors-of-the-north")
    for path in (f"stages/stage/{staging.pk}/history/x/", f"auth/group/{group.pk}/history/1/"):
        assert client.get(f"/admin/{path}").status_code == 404


def test_who_is_not_staff_is_not_let_in(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    assert client.get("/admin/stages/stage/").status_code == 302
