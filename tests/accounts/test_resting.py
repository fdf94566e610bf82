"""Tokens of people whom a provider has not seen for long are refused until they sign on again."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.test import Client
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import AccessToken, User
from apps.deployments import gateway
from tests import factories
from tests.accounts.test_oidc import ADD, Provider, provider
from tests.sessions import sign_in

__all__ = ["provider"]
pytestmark = pytest.mark.filterwarnings("ignore")
PATHS = ("/api/v1/me", "/api/2.0/mlflow/registered-models/search", "/metrics")


def later(days: int) -> None:
    """Nothing happened for so many days."""
    before = timezone.now() - timedelta(days=days)
    SocialAccount.objects.update(last_login=before)
    AccessToken.objects.update(last_used_at=before)


def program_of(user: User) -> Client:
    return with_token(services.create_token(user, name="ci", by=user)[1])


def with_token(secret: str) -> Client:
    return Client(headers={"authorization": f"Bearer {secret}"})


def set_days(administrator: User, there: Provider, days: str) -> Any:
    page = f"/admin/socialaccount/socialapp/{SocialApp.objects.get().pk}/change/"
    given = {"name": "Team", "client_id": "mlgov", "secret": "", "server_url": there.url}
    return sign_in(Client(), administrator).post(page, {**given, "tokens_rest_after": days})


def test_tokens_rest_until_their_person_signs_on_again(
    provider: Provider, administrator: User
) -> None:
    provider.sign_on(Client(), "ada")
    ada = User.objects.get(username="ada")
    User.objects.filter(pk=ada.pk).update(is_superuser=True)
    pipeline = factories.make_user("pipeline", is_service_account=True, owner=ada)
    secret = services.create_token(ada, name="notebook", by=ada)[1]
    program, others = with_token(secret), [program_of(pipeline), program_of(administrator)]
    later(days=400)
    assert program.get("/api/v1/me").status_code == 200

    assert set_days(administrator, provider, "30").status_code == 302
    later(days=29)
    assert [program.get(path).status_code for path in PATHS] == [200, 200, 200]
    later(days=31)
    for path in PATHS:
        refused = program.get(path)
        assert refused.status_code == 401, path
        assert "not signed on through Team for 30 days" in refused.json()["message"]
    with pytest.raises(gateway.NotAuthenticated, match="not signed on through Team"):
        gateway.admit("fraud", "scores", secret)
    # Nobody signs on as a service account, and an administrator with a password nowhere else.
    assert [other.get("/api/v1/me").status_code for other in others] == [200, 200]

    provider.sign_on(Client(), "ada")
    assert [program.get(path).status_code for path in PATHS] == [200, 200, 200]


def test_a_busy_token_costs_no_further_question(
    provider: Provider, administrator: User, django_assert_num_queries: Any
) -> None:
    set_days(administrator, provider, "30")
    provider.sign_on(Client(), "ada")
    ada = User.objects.get(username="ada")
    secret = services.create_token(ada, name="ci", by=ada)[1]
    assert services.user_for_token(secret) == ada
    with django_assert_num_queries(1):
        assert services.user_for_token(secret) == ada


def test_days_are_a_number_that_makes_sense(provider: Provider, administrator: User) -> None:
    for wrong in ("-1", "soon", "9999999999"):
        assert set_days(administrator, provider, wrong).status_code == 200
    for off in ("", "0"):
        assert set_days(administrator, provider, off).status_code == 302
        assert not SocialApp.objects.get().settings["tokens_rest_after"]
    assert "Tokens rest after" in sign_in(Client(), administrator).get(ADD).content.decode()
