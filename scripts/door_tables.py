"""The tables of doors, and of who gets what at them."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from apps.api.mlflow.pages.admission import NAME
from apps.core.doors import ANY, BESIDE, KB, MB, Author, Door, Rate, Who
from apps.core.routes import Route, all_routes
from scripts.permissions import KINDS, answer

HEAD = ("Route", "Method", "Signs in by", "Lets in", "Writes", "Class", "Body")
OF_A_MODEL = re.compile(r"^admin/[a-z]+/[a-z]+/")


@dataclass(frozen=True)
class Row:
    path: str
    method: str
    door: Door


def _rows(routes: Iterable[Route]) -> Iterator[Row]:
    for route in routes:
        for method, door in (route.doors or {}).items():
            if not (method == ANY and route.inner):
                yield Row(_readable(route.pattern), "any" if method == ANY else method, door)
        for call in route.inner:
            yield Row(call.pattern.replace(":path", ""), call.method, call.door)


def _readable(pattern: str) -> str:
    text = re.sub(r"<(?:[a-z]+:)?(\w+)>", r"{\1}", pattern.replace("(?P<", "<").lstrip("^"))
    text = text.replace("\\.", ".").rstrip("$")
    text = re.sub(r"\{(\w+)\}[^{}()]*\)", r"{\1}", re.sub(r"\(\?:/\{", "/{", text)).rstrip(")?")
    return f"/{text}"


# The same doors as those of the registry, once more.
EARLIER = "api/2.0/preview/"


def _pages(route: Route) -> bool:
    others = any(part(route) for name, part in AREAS.items() if name != "pages")
    return not others and not route.pattern.startswith(EARLIER)


AREAS: dict[str, Callable[[Route], bool]] = {
    "pages": _pages,
    "rest": lambda route: route.pattern.startswith("api/v1/"),
    "registry": lambda route: route.pattern.startswith("api/2.0/mlflow/"),
    "passed-on": lambda route: route.name in ("mlflow:pass-through", "mlflow:artifacts"),
    "predictions": lambda route: route.name.startswith("endpoints:"),
    "probes": lambda route: route.name.startswith("ops:"),
    "admin": lambda route: route.pattern.startswith("admin"),
    "accounts": lambda route: route.pattern.startswith("accounts/"),
}


# What stands on a host of its own.
BESIDE_ROUTES = (NAME,)


def _of(area: str) -> list[Row]:
    if area in BESIDE_ROUTES:
        all_routes()
        return [
            Row(call.pattern.replace(":path", ""), call.method, call.door)
            for call in sorted(BESIDE[area].calls, key=lambda call: (call.pattern, call.method))
        ]
    rows = list(_rows(route for route in all_routes() if AREAS[area](route)))
    return _together(rows) if area == "admin" else rows


def _together(rows: list[Row]) -> list[Row]:
    """The pages of each model in the admin as one, with what all of them write."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        path = OF_A_MODEL.sub("admin/{app}/{model}/", row.path.lstrip("/"))
        known = found.get((path, row.method))
        door = row.door
        if known is not None and known.door.who is not Who.NOBODY:
            writes = sorted({*known.door.writes, *door.writes})
            door = replace(known.door, writes=tuple(writes))
        found[path, row.method] = Row(f"/{path}", row.method, door)
    return list(found.values())


def table_of_doors(table: Callable[..., str], area: str) -> str:
    return table(
        HEAD,
        (
            (
                f"`{row.path}`",
                row.method,
                row.door.login.value,
                _who(row.door),
                ", ".join(f"`{action}`" for action in row.door.writes),
                "" if row.door.rate is Rate.NONE else row.door.rate.value,
                _size(row.door.body),
            )
            for row in _of(area)
        ),
    )


def table_of_people(table: Callable[..., str], area: str) -> str:
    return table(
        ("Route", "Method", *(kind.title for kind in KINDS)),
        (
            (f"`{row.path}`", row.method, *(answer(row.door, kind).value for kind in KINDS))
            for row in _of(area)
        ),
    )


def _who(door: Door) -> str:
    if door.who is Who.ALLOWED:
        text = f"`{door.action}` on the {door.on}"
        if door.author is Author.ONLY:
            text += ", its author only"
        elif door.author is Author.TOO:
            text += ", or its author"
        if door.members_only:
            text += ", as a member"
    elif door.who is Who.OWNER:
        text = f"whose {door.on} it is"
        text += ", and administrators" if door.administrators_too else ""
    elif door.who is Who.GROUP:
        text = f"administrators and `{door.group}`"
    else:
        text = door.who.value
    return text + (f" (asks: {door.asks})" if door.asks else "")


def _size(size: int) -> str:
    return f"{size // MB} MB" if size >= MB else f"{size // KB} KB"
