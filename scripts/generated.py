"""The parts of the documentation that are made from the code, and the files they stand in.

A page names a part between two comments; what stands between them is replaced:

    <!-- generated: roles -->
    <!-- end of generated -->

Needs Django to be set up: `scripts.document_architecture` does that, and so do the tests.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import partial
from importlib import import_module
from pathlib import Path

from django.apps import apps
from django.urls import URLPattern
from drf_spectacular.generators import SchemaGenerator

from apps.api.mlflow import errors as mlflow_errors
from apps.api.mlflow import urls as mlflow_urls
from apps.api.mlflow.refused import REFUSED
from apps.api.mlflow.routes import ROUTES, Route
from apps.api.mlflow.scopes import places
from apps.core.states import StateMachine
from apps.outbox.events import Event
from apps.outbox.subscriptions import is_slow, subscribers_of
from apps.projects.roles import ACTIONS, GLOBAL_ACTIONS, Role
from mlgov.management.commands import document_settings
from scripts import card_tables, door_tables, pictures

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PART = re.compile(
    r"(?P<head><!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<foot><!-- end of generated -->)",
    re.DOTALL,
)
BAR = r"\|"
# app -> what the picture says, and what the table says
PURPOSES = {
    "web": ("pages that combine apps", "Pages that show several apps at once: inbox, card, audit."),
    "api": ("REST, MLflow's wire, probes", "REST v1, MLflow's wire format, health and metrics."),
    "notifications": (
        "in the application and by mail",
        "What people are told, in the application and by mail. It only listens.",
    ),
    "webhooks": (
        "other programs hear of it",
        "What other programs are told by HTTP. It only listens.",
    ),
    "deployments": (
        "endpoints, rollouts, keys",
        "Endpoints, what serves behind them, how it gets there, and who may call.",
    ),
    "evaluations": (
        "versions measured on data sets",
        "Evaluation data sets, and what was measured of versions on them.",
    ),
    "reviews": ("requests, verdicts, comments", "Requests for review, and what reviewers say."),
    "builds": ("a version becomes an image", "Images of versions, and each attempt to make one."),
    "cards": ("what people write", "The typed part of a model card; each revision is a new row."),
    "stages": (
        "stages, environments, gates, moves",
        "Stages and what they ask, environments, gates, and where each version stands.",
    ),
    "registry": (
        "models, versions, artifacts, lineage",
        "Registered models, versions, aliases, tags, stored artifacts and lineage.",
    ),
    "tracking": (
        "where runs and models lie",
        "Tracking servers and stores, who reads them as whom, and whose an experiment is.",
    ),
    "projects": ("projects, members, roles", "Projects, their members, and what each role may do."),
    "access": ("policies: one filter per model", "The base of all policies, and explanations."),
    "runs": ("anything slow", "Slow work: state, steps, log, heartbeat, cancellation."),
    "accounts": ("people and their tokens", "People, service accounts and access tokens."),
    "audit": ("what happened", "The append-only, sealed trail of who did what, and why."),
    "outbox": ("what still has to happen", "One row for each event and subscriber, until heard."),
    "core": ("no domain", "Errors, state machines, digests, encryption, request context."),
}


def files() -> dict[Path, str]:
    """Every file with something generated in it, as it should be."""
    wanted = {
        DOCS / "images" / "layers.svg": pictures.layers(
            layers(), {app: short for app, (short, _) in PURPOSES.items()}
        ),
        DOCS / "images" / "loop.svg": pictures.loop(),
        document_settings.PAGE: document_settings.page(),
    }
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text()
        if PART.search(text):
            wanted[page] = PART.sub(_filled, text)
    return wanted


def _filled(match: re.Match[str]) -> str:
    return f"{match['head']}{PARTS[match['name']]()}\n{match['foot']}"


def layers() -> list[list[str]]:
    """The contract that import-linter checks, top layer first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    contract = next(c for c in contracts if c["id"] == "layers")
    return [[app.strip() for app in layer.split("|")] for layer in contract["layers"]]


def events() -> dict[str, type[Event]]:
    return {
        name: event
        for name, event in sorted(Event.registry.items())
        if event.__module__.startswith("apps.")
    }


def machines() -> dict[str, StateMachine]:
    """Noun -> state machine, of all apps."""
    found = {}
    for config in apps.get_app_configs():
        if not config.name.startswith("apps.") or not (Path(config.path) / "states.py").exists():
            continue
        for value in vars(import_module(f"{config.name}.states")).values():
            if isinstance(value, StateMachine):
                found[value.noun] = value
    return found


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(['---'] * len(head))}|"]
    lines += [f"| {' | '.join(cell.replace('|', BAR) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _layer_table() -> str:
    heard: dict[str, set[str]] = {}
    for name in events():
        for subscriber in subscribers_of(name):
            heard.setdefault(subscriber.split(".")[1], set()).add(name.split(".")[0])
    rows = [
        (
            str(number),
            f"`{app}`",
            PURPOSES[app][1],
            ", ".join(f"`{other}`" for other in sorted(heard.get(app, ()))) or "-",
        )
        for number, row in enumerate(layers(), start=1)
        for app in row
    ]
    return _table(("Layer", "App", "Holds", "Hears events of"), rows)


def _states() -> str:
    parts = []
    for noun, machine in machines().items():
        labels = dict(machine.states.choices)
        names = {state: re.sub(r"\W", "_", str(state)).lower() for state in labels}
        first = next(iter(labels))
        diagram = [
            "```mermaid",
            "stateDiagram-v2",
            *(f'    state "{label}" as {names[state]}' for state, label in labels.items()),
            f"    [*] --> {names[first]}",
        ]
        rows = []
        for transition in machine.transitions.values():
            diagram += [
                f"    {names[source]} --> {names[transition.target]}: {transition.name}"
                for source in transition.sources
            ]
            sources = ", ".join(labels[source] for source in transition.sources)
            rows.append((transition.name, sources, labels[transition.target]))
        leaving = {source for t in machine.transitions.values() for source in t.sources}
        diagram += [f"    {names[state]} --> [*]" for state in labels if state not in leaving]
        diagram.append("```")
        table = _table(("Verb", "From", "To"), rows)
        parts.append(f"### {noun.capitalize()}\n\n" + "\n".join(diagram) + f"\n\n{table}")
    return "\n" + "\n\n".join(parts) + "\n"


def _roles() -> str:
    actions = sorted(set().union(*ACTIONS.values(), *GLOBAL_ACTIONS.values()))
    holders = {Role(role).label: may for role, may in ACTIONS.items()} | GLOBAL_ACTIONS
    rows = [
        (f"`{action}`", *("yes" if action in may else "" for may in holders.values()))
        for action in actions
    ]
    return _table(("Action", *holders), rows)


def _subscribers() -> str:
    rows = []
    for name, event in events().items():
        heard = [
            f"`{'.'.join((s.split('.')[1], s.split('.')[-1]))}`{' (slow)' if is_slow(s) else ''}"
            for s in subscribers_of(name)
        ]
        payload = ", ".join(f"`{field.name}`" for field in fields(event))
        rows.append((f"`{name}`", payload, ", ".join(heard) or "nobody yet"))
    return _table(("Event", "Payload", "Heard by"), rows)


def _native_routes() -> str:
    rows = []
    for kind, verbs in (
        ("registered-models", mlflow_urls.MODELS),
        ("model-versions", mlflow_urls.VERSIONS),
    ):
        served = {p.name for p in mlflow_urls.urlpatterns if isinstance(p, URLPattern)}
        rows += [(f"`{kind}/{verb}`",) for verb in verbs if f"{kind}-{verb}" in served]
    places = (place.replace("<str:", "{").replace(">", "}") for place in mlflow_urls.WEBHOOKS)
    rows += [(f"`{call}`",) for call in (*places, *mlflow_urls.DATABRICKS)]
    return _table(("Below `/api/2.0/mlflow/`",), rows)


def _passed_routes() -> str:
    rows = [
        (
            f"{route.method} `{route.pattern.replace(':path', '')}`",
            f"`{route.use.value}`",
            _home(route),
            _sentence(route.protection.__name__) if route.protection else "",
        )
        for route in ROUTES
    ]
    return _table(("Passed on", "Asks for", "In what is found by", "Only if"), rows)


def _home(route: Route) -> str:
    """Such as "runs by id": the functions are named so that this reads."""
    if route.scope is places.nowhere:
        return "any project"
    return f"{route.scope.__module__.rpartition('.')[2]} {_sentence(route.scope.__name__)}"


def _refused_routes() -> str:
    rows = [(f"`{_readable(row.pattern)}`", row.reason) for row in REFUSED]
    return _table(("Refused", "Why"), rows)


def _readable(pattern: str) -> str:
    return pattern.replace("\\", "").replace("(/.*)?", "…").replace(".*", "…")


def _sentence(name: str) -> str:
    return name.replace("_", " ")


def _mlflow_errors() -> str:
    rows = [
        (f"`{kind.__name__}`", f"`{code}`", str(status))
        for kind, (code, status) in mlflow_errors.IN_MLFLOW_TERMS.items()
    ]
    rows += [
        (f"`{code}`", f"`{error}`", str(status))
        for code, (error, status) in mlflow_errors.BY_CODE.items()
    ]
    return _table(("Refusal of the domain", "`error_code`", "Status"), rows)


def _rest_routes() -> str:
    paths = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)["paths"]
    rows = []
    for path, methods in sorted(paths.items()):
        for method, operation in methods.items():
            said = (operation.get("summary") or operation.get("description") or "").strip()
            rows.append((method.upper(), f"`{path}`", said.partition("\n")[0]))
    return _table(("Method", "Path", "Does"), rows)


PARTS: dict[str, Callable[[], str]] = {
    "layers": _layer_table,
    "states": _states,
    "roles": _roles,
    "subscribers": _subscribers,
    "native-routes": _native_routes,
    "passed-routes": _passed_routes,
    "refused-routes": _refused_routes,
    "mlflow-errors": _mlflow_errors,
    "rest-routes": _rest_routes,
    "card-formats": partial(card_tables.formats, _table),
    "card-standards": partial(card_tables.standards, _table),
    **{
        f"{kind}-{area}": partial(make, _table, area)
        for area in (*door_tables.AREAS, *door_tables.BESIDE_ROUTES)
        for kind, make in (
            ("doors", door_tables.table_of_doors),
            ("people", door_tables.table_of_people),
        )
    },
}
