"""What must not happen to a model or version now, for reasons that lie above the registry.

The registry knows guards, not who provides them: the apps above register theirs when Django is
ready. A version that is deployed or under review, for example, is not deleted.
"""

from abc import ABC, abstractmethod
from enum import StrEnum

from apps.core.errors import Conflict, NotPermitted
from apps.registry.models import ModelVersion, RegisteredModel


class Action(StrEnum):
    RENAME_MODEL = "rename"
    DELETE_MODEL = "delete"
    DELETE_VERSION = "delete this version of"
    SET_ALIAS = "set the alias of"
    DELETE_ALIAS = "delete the alias of"
    LEAVE_STAGE = "take out of its stage"


class Guard(ABC):
    name: str
    # "Too late" passes when somebody does something first; "you may not" does not pass.
    refusal: type[Conflict] | type[NotPermitted] = Conflict

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
    """Raise with every guard's objection: `Conflict`, or `NotPermitted` where one is final."""
    objecting = {
        guard: text for guard in _guards if (text := guard.objection(action, obj, alias=alias))
    }
    if objecting:
        final = any(guard.refusal is NotPermitted for guard in objecting)
        refusal = NotPermitted if final else Conflict
        raise refusal(" ".join(objecting.values()), code="guarded")
