"""Who wants to hear of what. Filled by the `subscribers.py` of each app when Django is ready."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from apps.outbox.events import Event

Subscriber = Callable[[dict[str, Any]], None]
Question = Callable[[dict[str, Any]], bool]

_by_event: dict[str, list[str]] = defaultdict(list)
_by_name: dict[str, Subscriber] = {}
_slow: set[str] = set()
_queues: dict[str, str] = {}
_questions: dict[str, Question] = {}
DEFAULT_QUEUE = "default"


def subscribe(
    event: type[Event],
    *,
    slow: bool = False,
    queue: str = DEFAULT_QUEUE,
    when: Question | None = None,
) -> Callable[[Subscriber], Subscriber]:
    """Call the function with the payload of each such event, at least once.

    Delivery repeats after a crash, so hearing the same event twice has to be harmless. A `slow`
    subscriber talks to the outside and is called without a transaction around it. `queue` names
    the workers that can do it: only those for deployments, say, reach a container engine. `when`
    is asked as the event is published, cheaply: where it says no, no message is written.
    """

    def register(function: Subscriber) -> Subscriber:
        name = f"{function.__module__}.{function.__qualname__}"
        _by_name[name] = function
        if slow:
            _slow.add(name)
        _queues[name] = queue
        if when is not None:
            _questions[name] = when
        if name not in _by_event[event.name()]:
            _by_event[event.name()].append(name)
        return function

    return register


def subscribers_of(event: str) -> list[str]:
    return list(_by_event.get(event, ()))


def wants(name: str, payload: dict[str, Any]) -> bool:
    question = _questions.get(name)
    return question is None or question(payload)


def names() -> list[str]:
    return sorted(_by_name)


def subscriber(name: str) -> Subscriber | None:
    return _by_name.get(name)


def is_slow(name: str) -> bool:
    return name in _slow


def queue_of(name: str) -> str:
    return _queues.get(name, DEFAULT_QUEUE)
