"""Where a user's mail goes, asked of auth at the moment of sending and kept nowhere."""

from uuid import UUID

from pydantic import BaseModel

from shared.contracts.auth import Language
from shared.web.client import ServiceClient


class Contact(BaseModel):
    """An address, and the language its owner reads."""

    email: str
    language: Language


class Contacts:
    """Looks contacts up."""

    def __init__(self, client: ServiceClient) -> None:
        """Take a client of auth."""
        self._client = client

    async def find(self, user_id: UUID) -> Contact:
        """Raises `NotFound` for a user who is gone, `ServiceAway` when auth can't be asked."""
        return Contact(**await self._client.call("GET", f"/internal/users/{user_id}/contact"))
