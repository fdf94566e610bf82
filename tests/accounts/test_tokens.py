"""Access tokens: kept as digests, refused when wrong, expired, revoked or their person is gone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import AccessToken, User
from apps.audit.models import AuditEvent
from apps.core.errors import AlreadyExists, Invalid, NotPermitted
from tests.threads import together


@pytest.fixture
def token(owner: User) -> tuple[AccessToken, str]:
    return services.create_token(owner, name="laptop", by=owner)


def test_a_token_stands_for_its_person_and_is_kept_as_a_digest(owner, token):
    kept, secret = token

    assert services.user_for_token(secret) == owner
    stored = " ".join(str(value) for value in AccessToken.objects.values_list().get())
    assert secret not in stored
    assert secret.rpartition("_")[2] not in stored
    assert AuditEvent.objects.get(action="token.create").actor_id == owner.pk
    kept.refresh_from_db()
    assert kept.last_used_at is not None


def test_a_revoked_token_is_refused(owner, token):
    kept, secret = token
    services.revoke_token(kept, by=owner)
    services.revoke_token(kept, by=owner)

    assert services.user_for_token(secret) is None
    assert AuditEvent.objects.filter(action="token.revoke").count() == 1


def test_an_expired_token_is_refused(owner):
    kept, secret = services.create_token(
        owner, name="short", by=owner, expires_at=timezone.now() + timedelta(hours=1)
    )
    assert services.user_for_token(secret) == owner
    AccessToken.objects.filter(pk=kept.pk).update(expires_at=timezone.now())
    assert services.user_for_token(secret) is None


def test_the_token_of_a_disabled_person_is_refused(owner, token):
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert services.user_for_token(token[1]) is None


def test_what_is_no_token_is_refused(token):
    secret = token[1]
    for text in ("", "mlgov_pat_", secret[:-1], secret + "x", secret.upper(), secret[10:],
                 f"mlgov_pat_{'0' * 12}_{'x' * 43}", "mlgov_pat_\x00_x", "é" * 50,
                 secret.replace("mlgov_pat_", "mlgov_key_")):  # fmt: skip
        assert services.user_for_token(text) is None


def test_tokens_are_made_and_revoked_by_their_person_or_an_administrator(
    owner, stranger, administrator, token
):
    with pytest.raises(NotPermitted):
        services.create_token(owner, name="theirs", by=stranger)
    with pytest.raises(NotPermitted):
        services.revoke_token(token[0], by=stranger)
    assert services.user_for_token(token[1]) == owner

    services.create_token(owner, name="robot", by=administrator)
    services.revoke_token(token[0], by=administrator)
    assert services.user_for_token(token[1]) is None


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b"])
def test_a_token_has_a_name_that_fits(owner, name):
    with pytest.raises(Invalid) as refusal:
        services.create_token(owner, name=name, by=owner)
    assert list(refusal.value.details) == ["name"]


def test_an_expiry_lies_ahead(owner):
    with pytest.raises(Invalid):
        services.create_token(owner, name="x", by=owner, expires_at=timezone.now())


def test_a_name_is_free_again_after_revoking(owner, token):
    with pytest.raises(AlreadyExists):
        services.create_token(owner, name="laptop", by=owner)
    services.revoke_token(token[0], by=owner)
    services.create_token(owner, name="laptop", by=owner)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_tokens_of_one_name_at_once_one_is_refused(owner):
    def make() -> object:
        return services.create_token(owner, name="laptop", by=owner)

    results = together(make, make)
    refused = [result for result in results if isinstance(result, Exception)]
    assert [type(error) for error in refused] == [AlreadyExists]
    assert AccessToken.objects.count() == 1
