"""What the gateway asks of the checker."""

import httpx2

from services.gateway.calls import QUICK, Service
from services.gateway.models import Schedule
from services.gateway.sparing import Sparing
from shared.web.identity import Identity, User


class Checker(Service):
    """The schedule."""

    def __init__(self, name: str, url: str, client: httpx2.AsyncClient, identity: Identity) -> None:
        super().__init__(name, url, client, identity)
        self._sparing = Sparing()

    async def schedule(self, user: User) -> Schedule:
        answer = await self.as_user(user, "GET", "/internal/schedule", timeout=QUICK)
        return Schedule.model_validate_json(answer.content)

    async def schedule_if_quick(self, user: User) -> Schedule | None:
        """For pages, which say less without it."""
        return await self._sparing.ask(lambda: self.schedule(user))
