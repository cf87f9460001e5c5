"""The recipients of mails, fetched from auth when a mail is sent and stored nowhere."""

from collections.abc import Collection, Mapping
from uuid import UUID

from shared.contracts.http.auth import AccountMail, Contact, ContactList, ContactsRequest
from shared.web.client import ServiceClient


class HttpContacts:
    """Implements `Contacts` of the domain with calls of auth.

    A response that can't be read counts as no response: the mail waits.
    """

    def __init__(self, client: ServiceClient) -> None:
        """Take a client of auth."""
        self._client = client

    async def find(self, user_ids: Collection[UUID]) -> Mapping[UUID, Contact]:
        request = ContactsRequest(user_ids=list(user_ids))
        found = await self._client.fetch(ContactList, "POST", "/internal/contacts", body=request)
        return {contact.user_id: contact for contact in found.contacts}

    async def account_mail(self, request_id: UUID) -> AccountMail:
        path = f"/internal/account-mails/{request_id}"
        return await self._client.fetch(AccountMail, "POST", path)
