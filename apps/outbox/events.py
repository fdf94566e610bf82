"""Facts that other parts of mlgov, or the world outside, want to hear of."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """A fact in the past tense, made of ids and plain values."""

    registry: ClassVar[dict[str, type["Event"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Event.registry[cls.name()] = cls

    @classmethod
    def name(cls) -> str:
        """`<app>.<Class>`, e.g. `reviews.ReviewApproved`."""
        return f"{cls.__module__.split('.')[1]}.{cls.__name__}"

    def payload(self) -> dict[str, Any]:
        return asdict(self)
