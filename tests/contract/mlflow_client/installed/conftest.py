"""A whole installation, as `manage.py serve` starts it, for clients with nothing of ours."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.journeys.product import Product, run_inside

BELOW = "/gov/mlflow"
# Stages without environments: what is moved here is not to be deployed.
PREPARE = """
import json
from apps.accounts.services import create_token
from apps.stages.models import Stage
from tests import factories

Stage.objects.all().delete()
owner = factories.make_user("olga")
project = factories.make_project("credit", owner=owner)
role = factories.make_reviewer_role("risk")
factories.make_reviewer(project, role, "rafael")
factories.make_stage("staging", approvals_required=0, order=1)
factories.make_stage("production", role, approvals_required=1, order=2)
print("TOKEN" + json.dumps(create_token(owner, name="notebook", by=owner)[1]))
"""


@dataclass(frozen=True)
class Installation:
    product: Product
    token: str

    @property
    def url(self) -> str:
        """Where it is without the path: a proxy in front may have taken it off."""
        return self.product.base_url

    @property
    def url_below(self) -> str:
        return f"{self.product.base_url}{BELOW}"

    def environment(self, uri: str) -> dict[str, str]:
        """What somebody sets who uses MLflow's client with it, and nothing of ours."""
        return {
            "PATH": os.environ["PATH"],
            "MLFLOW_TRACKING_URI": uri,
            "MLFLOW_TRACKING_TOKEN": self.token,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        }


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    ours = ("MLGOV_", "DJANGO_", "PYTEST_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environment["MLGOV_DATA_DIR"] = str(tmp_path_factory.mktemp("installed") / "var")
    product = Product(environment)
    product.environment["MLGOV_BASE_URL"] = f"{product.base_url}{BELOW}"
    with product:
        yield Installation(product, run_inside(product.environment, PREPARE, "TOKEN"))


@pytest.fixture(autouse=True)
def served(installation: Installation) -> str:
    """Instead of the server beside the test that the other tests of the client talk to."""
    return installation.url
