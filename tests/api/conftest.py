from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.registry.models import ModelVersion
from apps.stages.models import Stage
from tests.api.world import World, make_world

Clients = Callable[[User], APIClient]


@pytest.fixture
def as_person(db: None) -> Clients:
    """A client that sends a person's access token, as a program does."""

    def client_of(user: User) -> APIClient:
        _, secret = accounts.create_token(user, name=f"test {user.username}", by=user)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return client_of


@pytest.fixture
def world(
    owner: User,
    version: ModelVersion,
    staging: Stage,
    reviewer: User,
    risk_reviewer: User,
    data_scientist: User,
) -> World:
    return make_world(owner, version, staging, [reviewer, risk_reviewer], data_scientist)
