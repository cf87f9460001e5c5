"""Where a mail goes, asked of auth at the moment of sending and kept nowhere."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from shared.contracts.http.auth import AccountMail, Contact, ContactList, ContactsRequest
from shared.web.client import ServiceAway, ServiceClient

R = TypeVar("R", bound=BaseModel)


class Contacts:
    """Asks auth. What is no answer of auth's says nothing: the mail waits."""

    def __init__(self, client: ServiceClient) -> None:
        """Take a client of auth."""
        self._client = client

    async def find(self, user_ids: Collection[UUID]) -> Mapping[UUID, Contact]:
        """Those who are not gone, in one call; raises `ServiceAway` when auth can't be asked."""
        asked = ContactsRequest(user_ids=list(user_ids)).model_dump(mode="json")
        answer = await self._client.call("POST", "/internal/contacts", asked)
        return {contact.user_id: contact for contact in _read(ContactList, answer).contacts}

    async def account_mail(self, request_id: UUID) -> AccountMail:
        """Have auth make the link of a mail it asked for, a new one each time.

        Raises `NotFound` when the mail is no longer wanted, `ServiceAway` when auth can't be asked.
        """
        answer = await self._client.call("POST", f"/internal/account-mails/{request_id}")
        return _read(AccountMail, answer)


def _read(shape: type[R], answer: Any) -> R:
    try:
        return shape.model_validate(answer)
    except ValidationError:
        raise ServiceAway from None  # its text would repeat addresses and links
