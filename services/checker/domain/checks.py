"""The checks of one file: stream `checks-<file id>`."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from services.checker.domain.history import History
from shared.contracts.checker import CheckFailed, FileChecked
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event

EVENTS = (FileChecked, CheckFailed)


@dataclass(frozen=True)
class Checks:
    """The versions with a result, and what has been found in the file so far."""

    versions: frozenset[int] = frozenset()
    history: History = field(default_factory=History)


MakeEvent = Callable[[History], FileChecked | CheckFailed]


def evolve(state: Checks, event: Event) -> Checks:
    match event:
        case FileChecked():
            # An older version may be checked late; the next one is compared with the newest.
            late = event.version < max(state.versions, default=0)
            history = state.history if late else state.history.after(event)
            return Checks(state.versions | {event.version}, history)
        case CheckFailed():
            return replace(state, versions=state.versions | {event.version})
        case _:
            return state


CHECKS = Decider(Checks(), evolve)


def stream(file_id: UUID) -> str:
    return f"checks-{file_id}"


def record(state: Checks, version: int, make_event: MakeEvent) -> list[Event]:
    """Record a result, unless another copy has recorded one of this version meanwhile."""
    return [] if version in state.versions else [make_event(state.history)]
