"""What the gateway asks of the checker."""

import time

import httpx2

from services.gateway.clients.base import QUICK, Service
from services.gateway.clients.circuit_breaker import CircuitBreaker
from services.gateway.clients.models import Schedule
from shared.web.identity import Identity, User

KNOWN = 1.0  # seconds for which the schedule is cached


class CheckerClient(Service):
    """The schedule, which is the same for everybody."""

    def __init__(self, name: str, url: str, client: httpx2.AsyncClient, identity: Identity) -> None:
        super().__init__(name, url, client, identity)
        self._breaker = CircuitBreaker()
        self._known: Schedule | None = None
        self._known_until = 0.0

    async def schedule(self, user: User) -> Schedule:
        answer = await self.as_user(user, "GET", "/internal/schedule", timeout=QUICK)
        return Schedule.model_validate_json(answer.content)

    async def schedule_if_quick(self, user: User) -> Schedule | None:
        """For pages, which say less without it."""
        if self._known is None or time.monotonic() > self._known_until:
            self._known = await self._breaker.ask(lambda: self.schedule(user))
            self._known_until = time.monotonic() + KNOWN
        return self._known
