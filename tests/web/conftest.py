from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.projects.models import Project
from tests.sessions import sign_in
from tests.tracking import Tracking

Signed = Callable[[User], Client]


@pytest.fixture
def signed_in() -> Signed:
    return lambda user, **kwargs: sign_in(Client(**kwargs), user)


@pytest.fixture
def run_id(tracking: Tracking, project: Project) -> str:
    tags = {
        "mlflow.runName": "wise-owl",
        "mlflow.user": "ada",
        "mlflow.source.name": "train.py",
        "mlflow.source.git.commit": "0123456789abcdef",
        "team": "risk",
    }
    return str(tracking.make_run(**tags)["info"]["run_id"])


@pytest.fixture
def root(run_id: str, tracking: Tracking) -> str:
    return f"{tracking.experiment}/{run_id}/artifacts"
