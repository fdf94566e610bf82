from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from apps.core.errors import Invalid
from apps.evaluations.sandboxes.base import Sandbox

GROUP = "mlgov.sandboxes"


def names() -> list[str]:
    return sorted({point.name for point in entry_points(group=GROUP)})


def sandbox(builder: str, options: Mapping[str, Any] | None = None) -> Sandbox:
    """The sandbox for what the builder makes."""
    for point in entry_points(group=GROUP, name=builder):
        made: Sandbox = point.load()(options)
        return made
    raise Invalid(
        f"Nothing measures what the builder '{builder}' makes. Evaluations run where the builder "
        f"of an environment is one of {', '.join(names()) or 'none'}."
    )
