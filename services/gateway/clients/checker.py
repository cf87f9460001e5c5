"""What the gateway asks of the checker."""

from services.gateway.calls import QUICK, Service
from services.gateway.models import Schedule
from shared.web.identity import User


class Checker(Service):
    """The schedule."""

    async def schedule(self, user: User) -> Schedule:
        answer = await self.as_user(user, "GET", "/internal/schedule", timeout=QUICK)
        return Schedule.model_validate_json(answer.content)
