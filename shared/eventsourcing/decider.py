"""How events add up to a state. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeVar

from shared.eventsourcing.event import Event

S = TypeVar("S")


@dataclass(frozen=True)
class Decider(Generic[S]):
    """How the events of one kind of stream add up: the state before any, and one step."""

    initial: S
    evolve: Callable[[S, Event], S]

    def state(self, events: Iterable[Event]) -> S:
        return reduce(self.evolve, events, self.initial)
