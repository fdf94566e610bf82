"""State machines as tables: services, buttons, tests and diagrams read the same one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.core.errors import Conflict


@dataclass(frozen=True)
class Transition:
    name: str
    sources: tuple[str, ...]
    target: str


class StateMachine:
    """The transitions that an object's `state` field may take."""

    def __init__(self, states: Any, transitions: Iterable[Transition], *, noun: str) -> None:
        self.states = states
        self.noun = noun
        self.transitions = {transition.name: transition for transition in transitions}

    def allows(self, obj: Any, name: str) -> bool:
        return obj.state in self.transitions[name].sources

    def verbs(self, obj: Any) -> list[str]:
        return [name for name in self.transitions if self.allows(obj, name)]

    def apply(self, obj: Any, name: str) -> None:
        """Set `obj.state`; the caller saves. Raises `Conflict` where the table has no such move."""
        if not self.allows(obj, name):
            label = self.states(obj.state).label.lower()
            raise Conflict(f"This {self.noun} is {label}: it is too late to {name} it.")
        obj.state = self.transitions[name].target
