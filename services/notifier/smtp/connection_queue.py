"""The queue of those who wait for a connection to the mail server."""

import asyncio
from collections import deque
from collections.abc import Iterator
from itertools import zip_longest

from services.notifier.smtp.connection import Connection

Turn = asyncio.Future[Connection]


class ConnectionQueue:
    """Mails about accounts and results take turns, for of the former somebody waits."""

    def __init__(self) -> None:
        self._accounts, self._results = deque[Turn](), deque[Turn]()
        self._kinds = (self._accounts, self._results)  # the one whose turn it is comes first

    def __iter__(self) -> Iterator[Turn]:
        """In their order, without those who have been answered or have given up."""
        for pair in zip_longest(*self._kinds):
            yield from (turn for turn in pair if turn is not None and not turn.done())

    def __bool__(self) -> bool:
        return any(True for _ in self)

    def join(self, *, account: bool) -> Turn:
        turn: Turn = asyncio.get_running_loop().create_future()
        (self._accounts if account else self._results).append(turn)
        return turn

    def next(self) -> Turn | None:
        """The first, who leaves the queue; None when nobody waits."""
        for kind, other in (self._kinds, self._kinds[::-1]):
            while kind:
                turn = kind.popleft()
                if not turn.done():
                    self._kinds = (other, kind)
                    return turn
        return None
