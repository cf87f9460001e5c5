"""For whom a long answer is read, page after page, from other services."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.errors import Unavailable
from shared.web.identity import User

T = TypeVar("T")
RENEW_AFTER = 240.0  # seconds an access token, good for ten minutes, is used
RETRY_AFTER = 10.0  # seconds, where it could not be renewed
RETRY_PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds; a killed service is back after some 3

Renew = Callable[[User | None], Awaitable[User]]


class RenewingUser:
    """A person with a token that is renewed before it runs out."""

    def __init__(self, renew: Renew, clock: Callable[[], float] = time.monotonic) -> None:
        """Take what gives the user, or the same one with a new token."""
        self._renew, self._clock = renew, clock
        self._user: User | None = None
        self._until = 0.0

    async def user(self) -> User:
        """With a token that is good for some minutes, where auth can be asked for one."""
        if self._user is None:
            self._user = await self._renew(None)
        if self._clock() >= self._until:
            self._until = self._clock() + await self._renewed(self._user)
        return self._user

    async def _renewed(self, user: User) -> float:
        """In how many seconds to do it again."""
        try:
            self._user = await self._renew(user)
        except Unavailable:
            return RETRY_AFTER
        return RENEW_AFTER

    async def call(self, call: Callable[[User], Awaitable[T]]) -> T:
        """The answer to a question, which is put again a few times while it can't be answered."""
        for pause in RETRY_PAUSES:
            try:
                return await call(await self.user())
            except Unavailable:
                await asyncio.sleep(pause)
        return await call(await self.user())
