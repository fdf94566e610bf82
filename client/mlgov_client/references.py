"""How a version of a model is named: `fraud/3`, `fraud@champion`, also after `models:/`."""

import re
from dataclasses import dataclass

from mlgov_client.errors import Misused

SCHEME = re.compile(r"^models:/+")
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Reference:
    """A version by its number, or by what is looked up at mlgov: an alias, or `latest`."""

    model: str
    number: int | None = None
    alias: str = ""

    @classmethod
    def parse(cls, text: str) -> "Reference":
        rest = SCHEME.sub("", text.strip())
        model, separator, alias = rest.rpartition("@")
        if separator and model.strip(".") and alias and "/" not in rest:
            return cls(model, alias=alias)
        model, _, version = rest.rpartition("/")
        if model.strip(".") and "/" not in model and "@" not in model:
            if version == "latest":
                return cls(model)
            if version.isascii() and version.isdigit() and 0 < int(version[:11]) <= LARGEST:
                return cls(model, int(version[:11]))
        raise Misused(
            f"“{text}” names no version of a model. Write for example fraud/3, models:/fraud/3, "
            "fraud/latest or fraud@champion."
        )
