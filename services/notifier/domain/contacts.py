"""What the notifier needs of auth."""

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID

from shared.contracts.http.auth import AccountMail, Contact


class Contacts(Protocol):
    """Asks auth whom mails go to, at the moment they are sent."""

    async def find(self, user_ids: Collection[UUID]) -> Mapping[UUID, Contact]:
        """The contacts of users that exist, in one call.

        Raises:
            ServiceUnavailable: auth can't be asked.
        """
        ...

    async def account_mail(self, request_id: UUID) -> AccountMail:
        """Have auth create the link of a mail that it requested, a new one each time.

        Raises:
            NotFound: the mail is no longer wanted.
            ServiceUnavailable: auth can't be asked.
        """
        ...
