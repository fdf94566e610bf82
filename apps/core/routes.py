"""All routes of the product, with the doors that were declared for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import get_resolver, get_urlconf
from django.urls.resolvers import URLPattern, URLResolver
from django.utils.module_loading import autodiscover_modules

from apps.core.doors import ANY, DECLARED, INNER, Door, Inner, Methods


@dataclass(frozen=True)
class Route:
    """A pattern of the URL configuration, as Django names and writes it."""

    name: str
    pattern: str
    callback: Any
    doors: Methods | None

    @property
    def inner(self) -> tuple[Inner, ...]:
        return INNER.get(self.name, ())

    @property
    def key(self) -> str:
        return self.name or self.pattern

    @property
    def is_of_a_library(self) -> bool:
        view = getattr(self.callback, "view_class", self.callback)
        return not view.__module__.startswith(("apps.", "mlgov."))

    @property
    def taken_methods(self) -> set[str] | None:
        """What the view answers to, for views that say so."""
        view = getattr(self.callback, "view_class", None) or getattr(self.callback, "cls", None)
        if view is not None:
            return {name.upper() for name in view.http_method_names if hasattr(view, name)} - {
                "HEAD",
                "OPTIONS",
            }
        return getattr(self.callback, "taken_methods", None)


@cache
def routes(urlconf: str) -> tuple[Route, ...]:
    """Those that are reached: of two with one pattern the first answers."""
    autodiscover_modules("doors")
    found: dict[str, Route] = {}
    for route in _walk(get_resolver(urlconf), "", ""):
        found.setdefault(route.pattern, route)
    return tuple(found.values())


def all_routes() -> tuple[Route, ...]:
    return routes(get_urlconf() or settings.ROOT_URLCONF)


@cache
def _doors_by_pattern(urlconf: str) -> Mapping[str, Methods]:
    return {route.pattern: route.doors for route in routes(urlconf) if route.doors is not None}


def door_of(request: HttpRequest) -> Door | None:
    """The door through which a request comes; None for a route or method that has none."""
    match = request.resolver_match
    if match is None:
        return None
    doors = _doors_by_pattern(get_urlconf() or settings.ROOT_URLCONF).get(match.route)
    if doors is None:
        return None
    method = "GET" if request.method == "HEAD" else request.method or ""
    return doors.get(method) or doors.get(ANY)


def methods_of(request: HttpRequest) -> list[str]:
    """What may be asked of the address of the request."""
    match = request.resolver_match
    by_pattern = _doors_by_pattern(get_urlconf() or settings.ROOT_URLCONF)
    doors = by_pattern.get(match.route, {}) if match else {}
    return sorted({*doors, *(["HEAD"] if "GET" in doors else [])} - {ANY})


def _walk(resolver: URLResolver, before: str, spaces: str) -> Iterator[Route]:
    for part in resolver.url_patterns:
        text = str(part.pattern)
        # As Django puts the route of a match together.
        pattern = before + text.removeprefix("^") if before else text
        if isinstance(part, URLResolver):
            yield from _walk(part, pattern, ":".join(filter(None, [spaces, part.namespace or ""])))
        elif isinstance(part, URLPattern):
            name = ":".join(filter(None, [spaces, part.name or ""])) if part.name else ""
            declared = (DECLARED[key] for key in (name, pattern) if key in DECLARED)
            yield Route(name, pattern, part.callback, next(declared, None))
