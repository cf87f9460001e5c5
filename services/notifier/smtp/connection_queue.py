"""The queue of deliveries that wait for a connection to the mail server."""

import asyncio
from collections import deque
from collections.abc import Iterator
from itertools import zip_longest

from services.notifier.smtp.connection import Connection

Waiter = asyncio.Future[Connection]


class ConnectionQueue:
    """Mails about accounts alternate with results, as people wait for the former."""

    def __init__(self) -> None:
        self._accounts, self._results = deque[Waiter](), deque[Waiter]()
        self._queues = (self._accounts, self._results)  # the one that is served next comes first

    def __iter__(self) -> Iterator[Waiter]:
        """The waiters in their order, without those that are done or cancelled."""
        for pair in zip_longest(*self._queues):
            yield from (waiter for waiter in pair if waiter is not None and not waiter.done())

    def __bool__(self) -> bool:
        return any(True for _ in self)

    def add(self, *, account: bool) -> Waiter:
        waiter: Waiter = asyncio.get_running_loop().create_future()
        (self._accounts if account else self._results).append(waiter)
        return waiter

    def pop(self) -> Waiter | None:
        """Remove the first waiter and return it; None when nobody waits."""
        for queue, other in (self._queues, self._queues[::-1]):
            while queue:
                waiter = queue.popleft()
                if not waiter.done():
                    self._queues = (other, queue)
                    return waiter
        return None
