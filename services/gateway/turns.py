"""One archive at a time: making one reads everything a person has."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from services.gateway.errors import ExportRunning
from services.gateway.sessions import ApiUser, WebUser
from shared.web.app import provided


class Archives:
    """Who is downloading an archive from this process."""

    def __init__(self) -> None:
        self._running: set[UUID] = set()

    @contextmanager
    def turn(self, user_id: UUID) -> Iterator[None]:
        """From before the first look until the last byte has left, or the reader has.

        Raises:
            ExportRunning: the person is downloading one already.
        """
        if user_id in self._running:
            raise ExportRunning
        self._running.add(user_id)
        try:
            yield
        finally:
            self._running.discard(user_id)


_Archives = Annotated[Archives, provided(Archives)]


async def _on_screen(user: WebUser, archives: _Archives) -> AsyncIterator[None]:
    with archives.turn(user.user_id):
        yield


async def _in_api(user: ApiUser, archives: _Archives) -> AsyncIterator[None]:
    with archives.turn(user.user_id):
        yield


WEB_TURN = [Depends(_on_screen, scope="request")]  # ends after the answer was sent
API_TURN = [Depends(_in_api, scope="request")]
