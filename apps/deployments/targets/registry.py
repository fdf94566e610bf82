from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from apps.core.errors import Invalid
from apps.deployments.targets.base import DeploymentTarget

GROUP = "mlgov.targets"


def names() -> list[str]:
    return sorted({point.name for point in entry_points(group=GROUP)})


def target(name: str, options: Mapping[str, Any] | None = None) -> DeploymentTarget:
    """The target that is installed under `name`."""
    for point in entry_points(group=GROUP, name=name):
        made: DeploymentTarget = point.load()(options)
        return made
    raise Invalid(f"There is no target '{name}'. Installed are: {', '.join(names()) or 'none'}.")
