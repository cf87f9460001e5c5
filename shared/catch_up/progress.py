"""How far catching up has come with one producer, and which events have to be looked at again."""

from collections.abc import Iterable, Sequence

from shared.contracts.http.events import EventId
from shared.web.event_log import LISTED


class CatchUpProgress:
    """What one copy knows since it last resumed at the checkpoint.

    The checkpoint, which is all that another copy knows, stays before the first event that has to
    be looked at again. What lies beyond that one is looked at all the same, and only once.
    """

    def __init__(self) -> None:
        self.reached = 0  # the position up to which every event was looked at
        self.again: Sequence[EventId] = ()

    @property
    def checkpoint(self) -> int:
        return min((listed.position - 1 for listed in self.again), default=self.reached)

    @property
    def is_full(self) -> bool:
        """Whether so much has to be looked at again that this comes first."""
        return len(self.again) >= LISTED

    def resume_at(self, checkpoint: int) -> None:
        """Forget everything, unless this copy itself has left the checkpoint there."""
        if checkpoint != self.checkpoint:
            self.reached, self.again = checkpoint, ()

    def advance(self, reached: int, again: Iterable[EventId]) -> None:
        self.reached, self.again = reached, list(again)
