"""The user of a long response, whose access token must be renewed on the way."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from shared.errors import Unavailable
from shared.web.identity import User

T = TypeVar("T")
Renew = Callable[[User | None], Awaitable[User]]


@dataclass(frozen=True)
class Renewal:
    """When a token is renewed and a call is retried, in seconds."""

    after: float = 240.0  # an access token lasts ten minutes
    retry_after: float = 10.0  # until the next attempt to renew
    pauses: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)  # a killed service restarts within about 3


RENEWAL = Renewal()


class RenewingUser:
    """A user whose access token is renewed before it expires."""

    def __init__(
        self,
        renew: Renew,
        renewal: Renewal = RENEWAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`renew` gets the user; given the last user, the same one with a new token."""
        self._renew, self._renewal, self._clock = renew, renewal, clock
        self._user: User | None = None
        self._until = 0.0

    async def user(self) -> User:
        """The user with a token that lasts some minutes, unless auth is unavailable."""
        if self._user is None:
            self._user = await self._renew(None)
        if self._clock() >= self._until:
            self._until = self._clock() + await self._renewed(self._user)
        return self._user

    async def _renewed(self, user: User) -> float:
        """Renew the token; the seconds until the next renewal."""
        try:
            self._user = await self._renew(user)
        except Unavailable:
            return self._renewal.retry_after
        return self._renewal.after

    async def call(self, call: Callable[[User], Awaitable[T]]) -> T:
        """The result of `call`, which is retried a few times after `Unavailable`."""
        for pause in self._renewal.pauses:
            try:
                return await call(await self.user())
            except Unavailable:
                await asyncio.sleep(pause)
        return await call(await self.user())
