import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Identity:
    """Whose predictions these are: the labels of metrics, logs and answers."""

    model_name: str = ""
    model_version: str = ""
    endpoint: str = ""
    deployment: str = ""
    digest: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Identity":
        return cls(
            model_name=environ.get("MLGOV_MODEL_NAME", ""),
            model_version=environ.get("MLGOV_MODEL_VERSION", ""),
            endpoint=environ.get("MLGOV_ENDPOINT", ""),
            deployment=environ.get("MLGOV_DEPLOYMENT", ""),
            digest=environ.get("MLGOV_ARTIFACT_DIGEST", ""),
        )

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        # A header is ASCII; names of models are not.
        return [
            (b"x-mlgov-model", quote(self.model_name, safe="/ ").encode()),
            (b"x-mlgov-version", quote(self.model_version, safe="/ ").encode()),
            (b"x-mlgov-deployment", quote(self.deployment, safe="/ ").encode()),
        ]
