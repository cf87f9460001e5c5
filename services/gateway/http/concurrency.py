"""Limits on concurrent downloads and event streams per user."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from services.gateway.errors import ExportRunning, TooManyEventStreams
from services.gateway.identity.sessions import ApiUser, WebUser
from shared.errors import DomainError
from shared.web.app import provided

MAX_EVENT_STREAMS = 20  # of a user


class ConcurrencyLimit:
    """Counts the long responses of each user in this process."""

    refusal: type[DomainError]

    def __init__(self, max_per_user: int) -> None:
        self._max_per_user, self._running = max_per_user, Counter[UUID]()

    @contextmanager
    def slot(self, user_id: UUID) -> Iterator[None]:
        """Held until the response is sent or the client disconnects.

        Raises `refusal` if the user has all slots.
        """
        if self._running[user_id] >= self._max_per_user:
            raise self.refusal
        self._running[user_id] += 1
        try:
            yield
        finally:
            self._running[user_id] -= 1
            if not self._running[user_id]:
                del self._running[user_id]


class ArchiveLimit(ConcurrencyLimit):
    """One archive per user; `steps` limits how many batches are made concurrently.

    Any number of users can download an archive. A download takes `steps`, first come, first
    served, to read and compress a batch, and releases it while the batch is sent.
    """

    refusal = ExportRunning

    def __init__(self, max_concurrent: int = 2) -> None:
        super().__init__(max_per_user=1)
        self.steps = asyncio.Semaphore(max_concurrent)


class FeedLimit(ConcurrencyLimit):
    """Event streams; each holds a connection to reports."""

    refusal = TooManyEventStreams

    def __init__(self, max_per_user: int = MAX_EVENT_STREAMS) -> None:
        super().__init__(max_per_user)


_Archives = Annotated[ArchiveLimit, provided(ArchiveLimit)]
_Feeds = Annotated[FeedLimit, provided(FeedLimit)]


async def _archive_on_screen(
    user: WebUser, archives: _Archives
) -> AsyncIterator[asyncio.Semaphore]:
    with archives.slot(user.user_id):
        yield archives.steps


async def _archive_in_api(user: ApiUser, archives: _Archives) -> AsyncIterator[asyncio.Semaphore]:
    with archives.slot(user.user_id):
        yield archives.steps


async def _feed_on_screen(user: WebUser, feeds: _Feeds) -> AsyncIterator[None]:
    with feeds.slot(user.user_id):
        yield


async def _feed_in_api(user: ApiUser, feeds: _Feeds) -> AsyncIterator[None]:
    with feeds.slot(user.user_id):
        yield


# The scope `request` ends after the response was sent.
WebSteps = Annotated[asyncio.Semaphore, Depends(_archive_on_screen, scope="request")]
ApiSteps = Annotated[asyncio.Semaphore, Depends(_archive_in_api, scope="request")]
WEB_FEED = [Depends(_feed_on_screen, scope="request")]
API_FEED = [Depends(_feed_in_api, scope="request")]
