"""`given(decider, events).when(command).then(events)`."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from shared.errors import DomainError
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event

S = TypeVar("S")


class Then:
    """What a command led to."""

    def __init__(self, outcome: Sequence[Event] | DomainError) -> None:
        self._outcome = outcome

    def then(self, *events: Event) -> None:
        if isinstance(self._outcome, DomainError):
            raise AssertionError(f"refused: {self._outcome!r}") from self._outcome  # noqa: TRY004
        if list(self._outcome) != list(events):
            raise AssertionError(f"expected {list(events)}, got {list(self._outcome)}")

    def refused(self, error: type[DomainError]) -> None:
        if not isinstance(self._outcome, error):
            raise AssertionError(f"expected {error.__name__}, got {self._outcome!r}")  # noqa: TRY004


class Given(Generic[S]):
    """A stream with a history."""

    def __init__(self, decider: Decider[S], history: Sequence[Event]) -> None:
        self._state = decider.state(history)

    def when(self, decide: Callable[[S], Sequence[Event]]) -> Then:
        try:
            return Then(decide(self._state))
        except DomainError as error:
            return Then(error)


def given(decider: Decider[S], *history: Event) -> Given[S]:
    return Given(decider, history)
