"""Owners make and watch the webhooks of their project on its pages."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.projects.models import Project
from apps.registry import services as registry
from apps.registry.models import RegisteredModel
from apps.webhooks import services
from apps.webhooks.models import RegistryWebhook
from tests import factories
from tests.listener import Listener, deliver_everything

Signed = Callable[[User], Client]
PAGE = "/projects/credit/webhooks"


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def hook(project: Project, listener: Listener, by: User, name: str = "ci") -> RegistryWebhook:
    return services.create_project_webhook(
        project,
        name=name,
        events=["registered_model.created"],
        url=listener.url,
        secret="s3cret",
        by=by,
    )


@pytest.mark.django_db
def test_an_owner_makes_tests_changes_disables_and_deletes_a_webhook(
    signed_in: Signed, listener: Listener, project: Project, owner: User
) -> None:
    client = signed_in(owner)
    assert "No webhooks" in text_of(client.get(PAGE))
    given = {
        "name": "ci",
        "url": listener.url,
        "events": ["registered_model.created"],
        "secret": "s3cret",
        "status": "ACTIVE",
    }
    made = client.post(f"{PAGE}/new/mlflow", given)
    webhook = RegistryWebhook.objects.get()
    one = f"{PAGE}/{webhook.pk}"
    assert (made.status_code, made["Location"]) == (302, one)
    tested = client.post(f"{one}/test", follow=True)
    assert "answered with 200" in text_of(tested)
    assert "X-MLflow-Signature" in listener.heard[0][1]
    listener.status = 404
    assert "answered with 404" in text_of(client.post(f"{one}/test", follow=True))

    changed = {**given, "secret": "", "description": "Tells CI.", "events": ["prompt.created"]}
    assert client.post(one, changed).status_code == 302
    webhook.refresh_from_db()
    assert (webhook.secret, webhook.events, webhook.description) == (
        "s3cret",
        ["prompt.created"],
        "Tells CI.",
    )
    assert "s3cret" not in text_of(client.get(one))
    for status in ("DISABLED", "ACTIVE"):
        client.post(f"{one}/switch")
        webhook.refresh_from_db()
        assert webhook.status == status
    client.post(f"{one}/delete")
    assert not RegistryWebhook.objects.exists()


@pytest.mark.django_db
def test_the_list_shows_how_the_last_delivery_went(
    signed_in: Signed, listener: Listener, project: Project, owner: User
) -> None:
    webhook = hook(project, listener, owner)
    client = signed_in(owner)
    assert "nothing yet" in text_of(client.get(PAGE))
    registry.create_model(name="one", project=project, by=owner)
    deliver_everything()
    assert "Delivered" in text_of(client.get(PAGE))
    listener.status, listener.answer = 503, b"<b>Too busy</b>"
    registry.create_model(name="two", project=project, by=owner)
    deliver_everything()

    page = text_of(client.get(PAGE))
    assert ("Waiting" in page, "503" in page, "Delivered" in page) == (True, True, False)
    raw = client.get(f"{PAGE}/{webhook.pk}").content.decode()
    assert "&lt;b&gt;Too busy" in raw
    assert "<b>Too busy" not in raw


@pytest.mark.django_db
def test_a_webhook_of_one_model_is_made_in_databricks_words(
    signed_in: Signed, listener: Listener, model: RegisteredModel, owner: User, stranger: User
) -> None:
    theirs = factories.make_model(stranger.memberships.get().project, "theirs")
    client = signed_in(owner)
    given = {
        "model": model.name,
        "url": listener.url,
        "verify_tls": "on",
        "events": ["COMMENT_CREATED"],
        "authorization": "Bearer t0p",
        "status": "TEST_MODE",
    }
    assert client.post(f"{PAGE}/new/databricks", {**given, "model": theirs.name}).status_code == 422
    assert client.post(f"{PAGE}/new/databricks", given).status_code == 302
    webhook = RegistryWebhook.objects.get()
    assert (webhook.model, webhook.authorization, webhook.status) == (
        model,
        "Bearer t0p",
        "TEST_MODE",
    )
    page = text_of(client.get(PAGE))
    assert ("in the words of Databricks" in page, "Test mode" in page) == (True, True)
    assert client.get(f"{PAGE}/new/slack").status_code == 404


@pytest.mark.django_db
def test_an_address_that_the_operator_did_not_name_is_refused_on_the_form(
    signed_in: Signed, project: Project, owner: User, settings: Any
) -> None:
    settings.MLGOV_WEBHOOK_HOSTS = []
    client = signed_in(owner)
    assert "sends no webhooks" in text_of(client.get(PAGE))
    given = {
        "name": "ci",
        "url": "https://ci.example.com/",
        "events": ["prompt.created"],
        "status": "ACTIVE",
    }
    refused = client.post(f"{PAGE}/new/mlflow", given)
    assert refused.status_code == 409
    assert "MLGOV_WEBHOOK_HOSTS" in text_of(refused)
    settings.MLGOV_WEBHOOK_HOSTS = ["*.example.org"]
    refused = client.post(f"{PAGE}/new/mlflow", given)
    assert "not sent to ci.example.com" in text_of(refused)
    assert not RegistryWebhook.objects.exists()


@pytest.mark.django_db
def test_webhooks_of_other_projects_and_of_all_models_are_not_reached_here(
    signed_in: Signed,
    listener: Listener,
    project: Project,
    owner: User,
    stranger: User,
    administrator: User,
) -> None:
    mine = hook(project, listener, owner)
    every = services.create_webhook(
        None, events=["COMMENT_CREATED"], url=listener.url, by=administrator
    )
    elsewhere = stranger.memberships.get().project.slug
    for client, slug, pk in (
        (signed_in(stranger), elsewhere, mine.pk),
        (signed_in(stranger), "credit", mine.pk),
        (signed_in(administrator), elsewhere, mine.pk),
        (signed_in(administrator), "credit", every.pk),
    ):
        assert client.get(f"/projects/{slug}/webhooks/{pk}").status_code == 404
        for verb in ("test", "switch", "delete"):
            assert client.post(f"/projects/{slug}/webhooks/{pk}/{verb}").status_code == 404
    assert "all-models" not in text_of(signed_in(owner).get(PAGE))
    assert listener.heard == []


@pytest.mark.django_db
def test_the_list_asks_as_many_questions_for_three_as_for_one(
    signed_in: Signed,
    listener: Listener,
    project: Project,
    owner: User,
    django_assert_max_num_queries: Any,
) -> None:
    client = signed_in(owner)
    hook(project, listener, owner)
    registry.create_model(name="one", project=project, by=owner)
    deliver_everything()
    with django_assert_max_num_queries(100) as asked:
        client.get(PAGE)
    for name in ("cd", "ce"):
        hook(project, listener, owner, name)
    registry.create_model(name="two", project=project, by=owner)
    deliver_everything()
    with django_assert_max_num_queries(len(asked)):
        client.get(PAGE)


def test_maintainers_keep_the_webhooks_of_their_project_and_others_do_not(
    signed_in: Signed, maintainer: User, data_scientist: User, project: Project
) -> None:
    page = f"/projects/{project.slug}/webhooks"
    for person, status in ((maintainer, 200), (data_scientist, 403)):
        client = signed_in(person)
        assert client.get(page).status_code == status
        assert client.get(f"{page}/new/mlflow").status_code == status
        overview = client.get(f"/projects/{project.slug}").content.decode()
        assert (page in overview) == (status == 200)
    # What belongs to owners is not offered to maintainers.
    assert (
        f"/projects/{project.slug}/settings" not in signed_in(maintainer).get(page).content.decode()
    )
