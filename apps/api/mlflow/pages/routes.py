"""What the pages ask for beyond the tracking server's API, and all of it that they get."""

from apps.api.mlflow.refused import reason_for
from apps.api.mlflow.routes import ROUTES as OF_THE_API
from apps.api.mlflow.routes import Route, Use, query, read, route_for
from apps.api.mlflow.scopes import artifacts, runs
from apps.core.errors import NotFound, NotPermitted

API, OF_PAGES = "/api/", "/ajax-api/"
IN_PLAIN = (f"{API}2.0/mlflow/", f"{API}3.0/mlflow/")
V2, V3 = "/ajax-api/2.0/mlflow", "/ajax-api/3.0/mlflow"
READ_ONLY = (
    "MLflow's pages are read-only here. Change runs with MLflow's client, and models, versions and "
    "reviews on the pages of mlgov."
)
# On the server, these have no other address.
ROUTES = [
    read("/get-artifact", artifacts.file_of_run),
    read(f"{V2}/get-trace-artifact", artifacts.file_of_trace),
    read(f"{V3}/get-trace-artifact", artifacts.file_of_trace),
    read(f"{V2}/logged-models/{{model_id}}/artifacts/files", artifacts.file_of_logged_model),
    read(f"{V2}/metrics/get-history-bulk", runs.each),
    query(f"{V2}/experiments/search-datasets", runs.search),
]


def shown() -> list[tuple[str, Route]]:
    """Where each route stands at the pages' host, of those that are passed on."""
    return [
        *((route.pattern, route) for route in ROUTES),
        *(
            (place_of(route), route)
            for route in OF_THE_API
            if route.use is Use.READ and route.pattern.startswith(IN_PLAIN)
        ),
    ]


def place_of(route: Route) -> str:
    if route in ROUTES:
        return route.pattern
    return OF_PAGES + route.pattern.removeprefix(API)


def readable(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route to pass a request of the pages on by. Raises where there is none."""
    for route in ROUTES:
        if route.method == method and (match := route.regex.fullmatch(path)):
            return route, match.groupdict()
    if path.startswith(f"{OF_PAGES}2.0/mlflow/") or path.startswith(f"{OF_PAGES}3.0/mlflow/"):
        plain = API + path.removeprefix(OF_PAGES)
        found = route_for(method, plain)
        if found is not None and found[0].use is Use.READ:
            return found
        path = plain
    if method != "GET":
        raise NotPermitted(READ_ONLY)
    reason = reason_for(path)
    raise NotFound(
        f"mlgov does not answer {path[:200]} for MLflow's pages"
        + (f": {reason}." if reason else "."),
        code="no_such_endpoint",
    )
