"""What the notifier asks at the moment of sending."""

from uuid import UUID

from services.auth import account_mails, queries
from services.auth.api.parts import NOTIFIER, Now
from shared.contracts.http.auth import AccountMail, ContactList, ContactsRequest
from shared.web.app import Transaction
from shared.web.routes import Router

router = Router(prefix="/internal", dependencies=NOTIFIER)


@router.post("/contacts")
async def contacts(people: ContactsRequest, connection: Transaction) -> ContactList:
    """Where mail for users goes; who is gone is left out."""
    return ContactList(contacts=await queries.contacts(connection, people.user_ids))


@router.post("/account-mails/{request_id}")
async def account_mail(request_id: UUID, connection: Transaction, now: Now) -> AccountMail:
    """A mail with a fresh link in it; 404 when it is no longer wanted."""
    return await account_mails.prepare(connection, request_id, now)
