from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User

Signed = Callable[[User], Client]


@pytest.fixture
def signed_in() -> Signed:
    def sign_in(user: User, **kwargs: Any) -> Client:
        client = Client(**kwargs)
        client.force_login(user)
        return client

    return sign_in
