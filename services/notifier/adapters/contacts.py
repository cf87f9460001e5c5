"""Where a mail goes, asked of auth at the moment of sending and kept nowhere."""

from typing import Any, TypeVar
from uuid import UUID

from pydantic import ValidationError

from services.notifier.domain.reader import AccountMail, Contact, Reader
from shared.web.client import ServiceAway, ServiceClient

R = TypeVar("R", bound=Reader)


class Contacts:
    """Asks auth. What is no answer of auth's says nothing: the mail waits."""

    def __init__(self, client: ServiceClient) -> None:
        """Take a client of auth."""
        self._client = client

    async def find(self, user_id: UUID) -> Contact:
        """Raises `NotFound` for a user who is gone, `ServiceAway` when auth can't be asked."""
        answer = await self._client.call("GET", f"/internal/users/{user_id}/contact")
        return _read(Contact, answer)

    async def account_mail(self, request_id: UUID) -> AccountMail:
        """Have auth make the link of a mail it asked for, a new one each time.

        Raises `NotFound` when the mail is no longer wanted, `ServiceAway` when auth can't be asked.
        """
        answer = await self._client.call("POST", f"/internal/account-mails/{request_id}")
        return _read(AccountMail, answer)


def _read(reader: type[R], answer: Any) -> R:
    try:
        return reader.model_validate(answer)
    except ValidationError:
        raise ServiceAway from None  # its text would repeat addresses and links
