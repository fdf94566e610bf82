from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.core.errors import AlreadyExists, Invalid, NotFound, NotPermitted
from apps.deployments import services
from apps.deployments.models import ApiKey, Endpoint


def test_only_a_digest_of_the_secret_is_kept(endpoint: Endpoint, owner: User) -> None:
    key, text = services.create_api_key(endpoint, name=" shop ", by=owner)

    secret = text.removeprefix(f"mlgov_key_{key.prefix}_")
    assert (key.name, len(secret) >= 40) == ("shop", True)
    kept = " ".join(str(value) for value in ApiKey.objects.values().get().values())
    told = " ".join(str(event.data) for event in activity_of(key))
    assert secret not in kept
    assert secret not in told
    assert next(event.action for event in activity_of(endpoint)) == "key.create"


def test_a_living_key_keeps_its_name_to_itself(endpoint: Endpoint, owner: User) -> None:
    key, _ = services.create_api_key(endpoint, name="shop", by=owner)
    with pytest.raises(AlreadyExists):
        services.create_api_key(endpoint, name="shop", by=owner)

    services.revoke_api_key(key, by=owner)
    services.create_api_key(endpoint, name="shop", by=owner)
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_revoking_twice_is_told_once(endpoint: Endpoint, owner: User) -> None:
    key, _ = services.create_api_key(endpoint, name="shop", by=owner)
    first = services.revoke_api_key(key, by=owner).revoked_at
    assert services.revoke_api_key(key, by=owner).revoked_at == first
    assert activity_of(key).filter(action="key.revoke").count() == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_key_has_a_name(endpoint: Endpoint, owner: User, name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        services.create_api_key(endpoint, name=name, by=owner)
    assert list(refusal.value.details) == ["name"]


def test_a_key_does_not_expire_in_the_past(endpoint: Endpoint, owner: User) -> None:
    past = timezone.now() - timedelta(days=1)
    with pytest.raises(Invalid):
        services.create_api_key(endpoint, name="shop", by=owner, expires_at=past)
    key, _ = services.create_api_key(
        endpoint, name="shop", by=owner, expires_at=timezone.now() + timedelta(days=1)
    )
    assert key.is_usable


def test_keys_are_for_those_who_operate(
    endpoint: Endpoint, owner: User, data_scientist: User, stranger: User
) -> None:
    key, _ = services.create_api_key(endpoint, name="shop", by=owner)
    with pytest.raises(NotPermitted):
        services.create_api_key(endpoint, name="mine", by=data_scientist)
    with pytest.raises(NotPermitted):
        services.revoke_api_key(key, by=data_scientist)
    with pytest.raises(NotFound):
        services.create_api_key(endpoint, name="mine", by=stranger)
    with pytest.raises(NotFound):
        services.revoke_api_key(key, by=stranger)
    assert list(ApiKey.objects.values_list("name", "revoked_at")) == [("shop", None)]
