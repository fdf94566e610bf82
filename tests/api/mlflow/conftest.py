"""Requests as MLflow's clients send them, by whoever the test names."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.service.ml import ModelRegistryAPI
from django.http import HttpResponse
from django.test import Client

from apps.accounts import services as accounts
from apps.accounts.models import User

Call = Callable[..., HttpResponse]
Acting = Callable[[User], ModelRegistryAPI]


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


@pytest.fixture
def acting(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Acting:
    """`acting(user)` is Databricks' own client, with a token of the person."""
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/dev/null")
    clients: dict[int, ModelRegistryAPI] = {}

    def client_of(user: User) -> ModelRegistryAPI:
        if user.pk not in clients:
            token = accounts.create_token(user, name="script", by=user)[1]
            config = Config(
                host=live_server.url, token=token, auth_type="pat", retry_timeout_seconds=5
            )
            clients[user.pk] = WorkspaceClient(config=config).model_registry
        return clients[user.pk]

    return client_of
