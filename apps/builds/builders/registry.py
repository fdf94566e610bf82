from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from apps.builds.builders.base import Builder
from apps.core.errors import Invalid

GROUP = "mlgov.builders"


def names() -> list[str]:
    return sorted({point.name for point in entry_points(group=GROUP)})


def builder(name: str, options: Mapping[str, Any] | None = None) -> Builder:
    """The builder that is installed under `name`."""
    for point in entry_points(group=GROUP, name=name):
        made: Builder = point.load()(options)
        return made
    raise Invalid(f"There is no builder '{name}'. Installed are: {', '.join(names()) or 'none'}.")
