"""No route without a door, no door without a route: said before anybody can come in."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from apps.core.doors import ANY, BESIDE, DECLARED
from apps.core.routes import Route, routes


@register(Tags.urls)
def every_door_is_declared(**_: Any) -> list[CheckMessage]:
    found = routes(settings.ROOT_URLCONF)
    messages: list[CheckMessage] = []
    for route in found:
        if route.doors is None:
            messages.append(
                Error(
                    f"The route {route.key} says nothing of who is let in.",
                    hint="Declare its methods in the doors.py beside its urls.py.",
                    id="core.E010",
                )
            )
        elif wrong := sorted(_wrong_methods(route)):
            messages.append(
                Error(
                    f"The route {route.key} and its doors differ in {', '.join(wrong)}.",
                    hint="Declare exactly the methods that the view answers to.",
                    id="core.E012",
                )
            )
    known = {route.name for route in found} | {route.pattern for route in found}
    for name in sorted(DECLARED.keys() - known):
        messages.append(
            Error(
                f"Doors are declared for {name}, and there is no such route.",
                hint="Remove the declaration, or name the route as urls.py does.",
                id="core.E011",
            )
        )
    return [*messages, *_beside()]


def _beside() -> list[CheckMessage]:
    """The same of what is answered before any route is looked up."""
    messages: list[CheckMessage] = []
    for name, beside in BESIDE.items():
        declared = {(call.method, call.pattern) for call in beside.calls}
        messages += [
            Error(
                f"{method} {pattern} of {name} and its doors differ.",
                hint="Declare exactly what is answered.",
                id="core.E013",
            )
            for method, pattern in sorted(declared ^ beside.answers())
        ]
    return messages


def _wrong_methods(route: Route) -> set[str]:
    declared, taken = set(route.doors or ()), route.taken_methods
    if taken is None or ANY in declared:
        return set()
    # Pages of libraries take methods that nobody needs; those are closed by not declaring them.
    return declared - taken if route.is_of_a_library else declared ^ taken
