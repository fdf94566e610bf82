"""Every address that the host answers: method and pattern. What is not among them is refused."""

from apps.api.mlflow.pages import routes
from apps.api.mlflow.pages.routes import V2, V3

Address = tuple[str, str]

PAGE: Address = ("GET", "/")
SIGN_ON: Address = ("GET", "/sign-on")
FILE: Address = ("GET", "/static-files/{path:path}")
GRAPHQL: Address = ("POST", "/graphql")
FILE_OF_VERSION: Address = ("GET", "/model-versions/get-artifact")
MODELS: Address = ("GET", f"{V2}/registered-models/search")
MODEL: Address = ("GET", f"{V2}/registered-models/get")
ALIAS: Address = ("GET", f"{V2}/registered-models/alias")
LATEST: Address = ("GET", f"{V2}/registered-models/get-latest-versions")
LATEST_POSTED: Address = ("POST", f"{V2}/registered-models/get-latest-versions")
VERSIONS: Address = ("GET", f"{V2}/model-versions/search")
VERSION: Address = ("GET", f"{V2}/model-versions/get")
SERVER: Address = ("GET", f"{V3}/server-info")
GATEWAY: Address = ("GET", f"{V2}/gateway-proxy")
TELEMETRY: Address = ("GET", f"{V3}/ui-telemetry")
TELEMETRY_POSTED: Address = ("POST", f"{V3}/ui-telemetry")
# Answered by mlgov: the registry is its own, no gateway is behind it, and nobody is told what
# people click on.
BY_MLGOV = (
    MODELS, MODEL, ALIAS, LATEST, LATEST_POSTED, VERSIONS, VERSION,
    SERVER, GATEWAY, TELEMETRY, TELEMETRY_POSTED,
)  # fmt: skip


def addresses() -> set[Address]:
    passed_on = {(route.method, place) for place, route in routes.shown()}
    return {PAGE, SIGN_ON, FILE, GRAPHQL, FILE_OF_VERSION, *BY_MLGOV, *passed_on}
