"""What must not happen to a model or version now, for reasons that lie above the registry.

The registry knows guards, not who provides them: the apps above register theirs when Django is
ready. A version that is deployed or under review, for example, is not deleted.
"""

from abc import ABC, abstractmethod
from enum import StrEnum

from apps.core.errors import Conflict
from apps.registry.models import ModelVersion, RegisteredModel


class Action(StrEnum):
    RENAME_MODEL = "rename"
    DELETE_MODEL = "delete"
    DELETE_VERSION = "delete this version of"
    SET_ALIAS = "set the alias of"
    DELETE_ALIAS = "delete the alias of"


class Guard(ABC):
    name: str

    @abstractmethod
    def objection(
        self, action: Action, obj: RegisteredModel | ModelVersion, *, alias: str = ""
    ) -> str:
        """Why the action has to wait, in a sentence that says what to do first; else empty."""


_guards: list[Guard] = []


def register(guard: Guard) -> None:
    if all(known.name != guard.name for known in _guards):
        _guards.append(guard)


def require(action: Action, obj: RegisteredModel | ModelVersion, *, alias: str = "") -> None:
    """Raise `Conflict` with every guard's objection."""
    objections = [guard.objection(action, obj, alias=alias) for guard in _guards]
    if any(objections):
        raise Conflict(" ".join(text for text in objections if text), code="guarded")
