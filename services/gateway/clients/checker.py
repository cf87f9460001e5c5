"""The client of the checker."""

import time

import httpx2

from services.gateway.clients.circuit_breaker import CircuitBreaker
from services.gateway.clients.optional import QUICK_TIMEOUT
from shared.contracts.http.checker import Schedule
from shared.web.client import ServiceClient, read
from shared.web.identity import Identity, User

SCHEDULE_TTL = 1.0  # seconds


class CheckerClient(ServiceClient):
    """The schedule, cached because it is the same for all users."""

    def __init__(
        self, url: str, identity: Identity, http: httpx2.AsyncClient, ttl: float = SCHEDULE_TTL
    ) -> None:
        """`ttl` is how many seconds the schedule is cached."""
        super().__init__("checker", url, identity, http)
        self._breaker, self._ttl = CircuitBreaker(), ttl
        self._cached: Schedule | None = None
        self._cached_until = 0.0

    async def schedule(self, user: User) -> Schedule:
        return read(
            Schedule, await self.as_user(user, "GET", "/internal/schedule", timeout=QUICK_TIMEOUT)
        )

    async def schedule_if_quick(self, user: User) -> Schedule | None:
        """The schedule, or None if the checker does not answer in time."""
        if self._cached is None or time.monotonic() > self._cached_until:
            self._cached = await self._breaker.call(lambda: self.schedule(user))
            self._cached_until = time.monotonic() + self._ttl
        return self._cached
