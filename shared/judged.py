"""How far a producer's events are judged, and which of them have to be looked at again."""

from collections.abc import Iterable, Sequence

from shared.contracts.http.events import EventId
from shared.web.event_log import LISTED


class Judged:
    """What one copy knows since it last began at the checkpoint.

    The checkpoint, which is all that another copy knows, stays before the first event that has to
    be looked at again. What lies beyond that one is judged all the same, and only once.
    """

    def __init__(self) -> None:
        self.reached = 0  # the position up to which all is judged
        self.again: Sequence[EventId] = ()

    @property
    def checkpoint(self) -> int:
        return min((told.position - 1 for told in self.again), default=self.reached)

    @property
    def is_full(self) -> bool:
        """Whether so much has to be looked at again that this comes first."""
        return len(self.again) >= LISTED

    def begin_at(self, checkpoint: int) -> None:
        """Forget what was known, unless that is where this copy has left the checkpoint."""
        if checkpoint != self.checkpoint:
            self.reached, self.again = checkpoint, ()

    def move(self, reached: int, again: Iterable[EventId]) -> None:
        self.reached, self.again = reached, list(again)
