"""The deadline of a command, so that none is done after its caller has gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from shared.errors import Unavailable

SECONDS = 8.0  # from the last byte of the request; its caller waits 10 s
COMMIT_LOOKUP_SECONDS = 1.0  # seconds after that to find out what became of a commit
# Connections are cut at the deadline, before whatever else still waits is cancelled: a driver
# that is cancelled says goodbye to its server first, for 2 s when that one is frozen.
_CANCEL_DELAY = 0.05  # seconds


class Deadline:
    """The time of one command, which all of its transactions share."""

    def __init__(self, seconds: float) -> None:
        self.ends_at = asyncio.get_running_loop().time() + seconds  # of the loop's clock
        self.limit = asyncio.timeout_at(self.ends_at + _CANCEL_DELAY)

    @property
    def left(self) -> float:
        """Seconds."""
        return max(0.0, self.ends_at - asyncio.get_running_loop().time())

    def restart(self, seconds: float) -> None:
        """Give it so many seconds from now."""
        self.ends_at = asyncio.get_running_loop().time() + seconds
        self.limit.reschedule(self.ends_at + _CANCEL_DELAY)

    def stop_cancelling(self) -> None:
        """Cancel nothing from here on. Transactions still end at the deadline."""
        self.limit.reschedule(None)


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def current() -> Deadline | None:
    """The deadline of the command that the task works for; loops and queries have none."""
    return _current.get()


def left(at_most: float) -> float:
    """Seconds one may wait."""
    deadline = _current.get()
    return at_most if deadline is None else min(at_most, deadline.left)


@asynccontextmanager
async def command(seconds: float) -> AsyncIterator[Deadline]:
    """Give the block so many seconds.

    Raises `Unavailable` when it is not done by then; nothing of it is, as long as all it does is
    done in transactions (`shared.db.commits`).
    """
    deadline = Deadline(seconds)
    token = _current.set(deadline)
    try:
        async with deadline.limit:
            yield deadline
    except TimeoutError:
        if deadline.limit.expired():
            raise Unavailable from None
        raise
    finally:
        _current.reset(token)
