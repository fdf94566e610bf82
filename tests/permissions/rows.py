"""The rows that the pages of the admin are about, of each model that it has."""

from allauth.socialaccount.models import SocialAccount, SocialApp
from django.contrib import admin
from django.contrib.auth.models import Group

from apps.access import services as access
from apps.accounts.models import ClaimMapping, User
from apps.cards.models import CardRequirement
from apps.tracking.models import TrackingAccess, TrackingServer
from apps.webhooks.models import Delivery, RegistryWebhook
from tests import factories


def make_what_only_the_admin_shows(
    server: TrackingServer, *, newcomer: User, administrator: User
) -> None:
    """For nobody who knocks, so that it changes nothing of what he may."""
    apart = factories.make_project("apart", owner=factories.make_user("apart"))
    model = factories.make_model(apart, "apart-model")
    group = Group.objects.create(name="apart")
    TrackingAccess.objects.create(project=apart, server=server, username="reader")
    SocialAccount.objects.create(user=newcomer, provider="company", uid="company newcomer")
    ClaimMapping.objects.create(claim="groups", value="apart", group=group)
    for holder in (newcomer, group):
        access.give(model, actions=["view"], to=holder, by=administrator)
    CardRequirement.objects.create(project=apart, pointer="/use/intended_use")
    # One on which nothing hangs, and so goes.
    Group.objects.create(name="empty")
    webhook = RegistryWebhook.objects.earliest("pk")
    Delivery.objects.create(webhook=webhook, event="prompt.created", key="1", payload={})


def make_provider() -> SocialApp:
    """One that does not answer."""
    return SocialApp.objects.create(
        provider="openid_connect", provider_id="company", name="Company", client_id="mlgov",
        settings={"server_url": "http://127.0.0.1:1"},
    )  # fmt: skip


def rows_of_the_admin(*, is_last: bool) -> dict[str, str]:
    """The first or the last row of each model, and its latest revision."""
    found = {}
    for model in admin.site._registry:
        row = model._default_manager.order_by("-pk" if is_last else "pk").first()
        assert row is not None, f"there is no {model._meta.label} in this world"
        found[model._meta.label_lower] = str(row.pk)
        history = getattr(model._meta, "simple_history_manager_attribute", "")
        if history and (revision := getattr(row, history).first()):
            found[f"{model._meta.label_lower} revision"] = str(revision.pk)
    return found
