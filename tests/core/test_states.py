"""Every transition table, by product: each state with each verb is either a move or a refusal."""

import itertools
from dataclasses import dataclass

import pytest

from apps.core.errors import Conflict
from apps.core.states import StateMachine
from apps.deployments.states import DEPLOYMENT
from apps.registry.states import VERSION
from apps.reviews.states import REVIEW
from apps.runs.states import RUN

MACHINES = [RUN, REVIEW, VERSION, DEPLOYMENT]
PRODUCT = [
    (machine, state, verb)
    for machine in MACHINES
    for state, verb in itertools.product(machine.states.values, machine.transitions)
]


@dataclass
class Thing:
    state: str


@pytest.mark.parametrize(
    ("machine", "state", "verb"), PRODUCT, ids=[f"{m.noun}-{s}-{v}" for m, s, v in PRODUCT]
)
def test_a_verb_moves_or_is_refused_in_words(machine: StateMachine, state: str, verb: str):
    thing = Thing(state)
    transition = machine.transitions[verb]

    if state in transition.sources:
        assert verb in machine.verbs(thing)
        machine.apply(thing, verb)
        assert thing.state == transition.target
    else:
        assert verb not in machine.verbs(thing)
        with pytest.raises(Conflict, match=f"This {machine.noun} is "):
            machine.apply(thing, verb)
        assert thing.state == state


@pytest.mark.parametrize("machine", MACHINES, ids=[m.noun for m in MACHINES])
def test_every_state_is_known_and_reached(machine: StateMachine):
    named = {s for t in machine.transitions.values() for s in (*t.sources, t.target)}
    assert named <= set(machine.states.values)
    reached = {t.target for t in machine.transitions.values()}
    beginnings = set(machine.states.values) - reached
    assert len(beginnings) <= 1
