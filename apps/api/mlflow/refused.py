"""What the tracking server has and mlgov does not pass on, and why.

A test compares this table and `routes` with the server's own: what stands in neither is found.
"""

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Refused:
    """`pattern` is a regular expression for the whole path."""

    pattern: str
    reason: str

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern)


SECOND_REGISTRY = "mlgov is the registry; the server's own one is never reached"
OTHER_DOOR = "for the pages of MLflow: the same objects, around the rights of mlgov"
AROUND = "it goes past mlgov to the bucket"
RUNS_CODE = "it runs code or calls models on the server, or keeps secrets there"
ANNOTATION = "work lists of MLflow's pages; reviews are mlgov's"
DATABRICKS = "only Databricks answers it"

REFUSED = [
    # Those that the native registry answers come before the pass-through.
    Refused(r"/api/2\.0/mlflow/(registered-models|model-versions)(/.*)?", SECOND_REGISTRY),
    Refused(r"/model-versions/get-artifact", SECOND_REGISTRY),
    Refused(r"/api/2\.0/mlflow/webhooks(/.*)?", SECOND_REGISTRY),
    Refused(r"/api/2\.0/mlflow/traces/link-prompts", SECOND_REGISTRY),
    Refused(r"/ajax-api(/.*)?", OTHER_DOOR),
    Refused(r"/graphql", OTHER_DOOR),
    Refused(r"/|/(static-files|build)/.*", OTHER_DOOR),
    Refused(r"/get-artifact", OTHER_DOOR),
    Refused(r"/api/2\.0/mlflow-artifacts/(mpu|presigned)/.*", AROUND),
    Refused(r"/api/2\.0/mlflow/artifacts/presigned-(up|down)load-url", AROUND),
    Refused(r"/(api/3\.0/mlflow/)?gateway(/.*)?", RUNS_CODE),
    Refused(r"/api/3\.0/(mlflow/)?(jobs|prompt-optimization|assistant)(/.*)?", RUNS_CODE),
    Refused(r"/api/3\.0/mlflow/(mcp-servers|genai|demo)(/.*)?", RUNS_CODE),
    Refused(r"/api/3\.0/mlflow/scorers/online-configs?", RUNS_CODE),
    Refused(r"/api/3\.0/mlflow/(issues|label-schemas|review-queues)(/.*)?", ANNOTATION),
    Refused(r"/api/3\.0/mlflow/workspaces(/.*)?", "projects of mlgov separate teams"),
    Refused(r"/api/2\.0/mlflow/(unified-traces|get-online-trace-details)", DATABRICKS),
    Refused(
        r"/api/2\.0mlflow/experiments/search-datasets", "a misspelt address that no client calls"
    ),
]


def reason_for(path: str) -> str:
    """Why a path is refused; empty for one that nobody thought of."""
    return next((row.reason for row in REFUSED if row.regex.fullmatch(path)), "")
