"""For whom a long answer is read, page after page, from other services."""

import time
from collections.abc import Awaitable, Callable

from shared.web.identity import User

RENEW = 240.0  # seconds an access token, good for ten minutes, is used
GONE = {404, 410}  # erased since the list was read

Fresh = Callable[[], Awaitable[User]]


class Bearer:
    """A person with a token that is renewed before it runs out."""

    def __init__(self, fresh: Fresh, clock: Callable[[], float] = time.monotonic) -> None:
        self._fresh, self._clock = fresh, clock
        self._user: User | None = None
        self._until = 0.0

    async def user(self) -> User:
        if self._user is None or self._clock() >= self._until:
            self._user = await self._fresh()
            self._until = self._clock() + RENEW
        return self._user
