"""Where a mail goes, asked of auth at the moment of sending and kept nowhere."""

from collections.abc import Collection, Mapping
from uuid import UUID

from shared.contracts.http.auth import AccountMail, Contact, ContactList, ContactsRequest
from shared.web.client import ServiceClient


class Contacts:
    """Asks auth. What is no answer of auth's says nothing: the mail waits."""

    def __init__(self, client: ServiceClient) -> None:
        """Take a client of auth."""
        self._client = client

    async def find(self, user_ids: Collection[UUID]) -> Mapping[UUID, Contact]:
        """Those who are not gone, in one call; raises `ServiceAway` when auth can't be asked."""
        asked = ContactsRequest(user_ids=list(user_ids))
        found = await self._client.fetch(ContactList, "POST", "/internal/contacts", body=asked)
        return {contact.user_id: contact for contact in found.contacts}

    async def account_mail(self, request_id: UUID) -> AccountMail:
        """Have auth make the link of a mail it asked for, a new one each time.

        Raises `NotFound` when the mail is no longer wanted, `ServiceAway` when auth can't be asked.
        """
        path = f"/internal/account-mails/{request_id}"
        return await self._client.fetch(AccountMail, "POST", path)
