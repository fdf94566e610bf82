import re
from importlib.metadata import entry_points

from apps.core.errors import Invalid
from apps.tracking.stores.base import Store

GROUP = "mlgov.stores"
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")


def names() -> list[str]:
    return sorted({point.name for point in entry_points(group=GROUP)})


def scheme_of(address: str) -> str:
    """The scheme of an address, empty where it has none. A path of this machine is a file."""
    if address.startswith("/"):
        return "file"
    match = SCHEME.match(address)
    return match[1] if match else ""


def kind(scheme: str) -> type[Store] | None:
    """The class that reads such addresses. Loaded only when asked for: S3's is large."""
    for point in entry_points(group=GROUP, name=scheme):
        try:
            found: type[Store] = point.load()
        except ImportError:
            raise Invalid(
                f"mlgov was installed without what it needs to read {scheme}: addresses. Ask the "
                f"platform's people to install it with the extra `{scheme}`."
            ) from None
        return found
    return None
