"""Requests as MLflow's clients send them, by whoever the test names."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from apps.accounts import services as accounts
from apps.accounts.models import User

Call = Callable[..., HttpResponse]


@pytest.fixture
def call(db: None) -> Call:
    """`call(user, "POST", "registered-models/create", {...})`; a GET's values are its query."""
    tokens: dict[int, str] = {}

    def send(
        user: User | None,
        method: str,
        path: str,
        values: Any = None,
        *,
        body: bytes | None = None,
        **headers: str,
    ) -> HttpResponse:
        if user is not None:
            if user.pk not in tokens:
                tokens[user.pk] = accounts.create_token(user, name="test", by=user)[1]
            headers["HTTP_AUTHORIZATION"] = f"Bearer {tokens[user.pk]}"
        url = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
        if method == "GET" and body is None:
            return Client().get(url, values or {}, **headers)
        data = body if body is not None else json.dumps(values or {}).encode()
        return Client().generic(method, url, data, content_type="application/json", **headers)

    return send
