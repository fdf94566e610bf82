"""Who is let in to MLflow's pages, which stand on a host of their own, before all routes."""

from apps.api.mlflow.doors import LARGEST_JSON, door_of
from apps.api.mlflow.pages import answered
from apps.api.mlflow.pages.admission import NAME
from apps.api.mlflow.pages.answered import Address
from apps.api.mlflow.pages.routes import shown
from apps.core.doors import (
    MB,
    Door,
    Inner,
    Login,
    Rate,
    Who,
    declare_beside,
    everybody,
    view,
)

ASKS = "tracking server"
DOORS: dict[Address, Door] = {
    **{(route.method, place): door_of(route) for place, route in shown()},
    # What mlgov answers itself comes before what is passed on.
    answered.PAGE: everybody(asks=ASKS),
    answered.SIGN_ON: Door(Who.TICKET, rate=Rate.SIGN_IN),
    answered.FILE: everybody(rate=Rate.TRACKING, asks=ASKS),
    # What the person does not see is left out, or said to be missing in an answer of its own.
    answered.GRAPHQL: everybody(on="experiment", rate=Rate.TRACKING, body=LARGEST_JSON, asks=ASKS),
    answered.FILE_OF_VERSION: view("version"),
    answered.MODELS: everybody(),
    answered.MODEL: view("model"),
    answered.ALIAS: view("version"),
    answered.LATEST: view("model"),
    answered.LATEST_POSTED: view("model"),
    answered.VERSIONS: everybody(),
    answered.VERSION: view("version"),
    answered.SERVER: everybody(asks=ASKS),
    answered.GATEWAY: everybody(),
    answered.TELEMETRY: everybody(),
    answered.TELEMETRY_POSTED: everybody(body=MB),
}
declare_beside(
    NAME,
    Login.PAGES,
    [Inner(method, pattern, door) for (method, pattern), door in DOORS.items()],
    answers=answered.addresses,
)
