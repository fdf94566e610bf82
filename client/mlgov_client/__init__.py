"""Requests reviews and deployments of models at mlgov, and waits for them.

from mlgov_client import Client

version = Client().version("fraud", 3)
version.request_review(stage="Staging", note="Retrained on June.")
version.wait_for_review(timeout="2h")
"""

from mlgov_client.cards import Card
from mlgov_client.client import Client
from mlgov_client.errors import (
    DeploymentFailed,
    Misused,
    MlgovError,
    NotApproved,
    Refused,
    RunFailed,
    TimedOut,
    Unreachable,
)
from mlgov_client.files import CardFile
from mlgov_client.shapes import (
    CardFormat,
    DataSet,
    Deployment,
    Evaluation,
    ImportedCard,
    MissingField,
    Person,
    Review,
    Reviewer,
    Run,
    Stage,
    Status,
    VersionDetails,
    as_dict,
)
from mlgov_client.versions import Version

__all__ = [
    "Card",
    "CardFile",
    "CardFormat",
    "Client",
    "DataSet",
    "Deployment",
    "DeploymentFailed",
    "Evaluation",
    "ImportedCard",
    "MissingField",
    "Misused",
    "MlgovError",
    "NotApproved",
    "Person",
    "Refused",
    "Review",
    "Reviewer",
    "Run",
    "RunFailed",
    "Stage",
    "Status",
    "TimedOut",
    "Unreachable",
    "Version",
    "VersionDetails",
    "as_dict",
]
