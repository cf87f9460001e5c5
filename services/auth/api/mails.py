"""What the notifier needs when it sends a mail."""

from uuid import UUID

from services.auth.api.dependencies import NOTIFIER, Now
from services.auth.use_cases import account, account_mails
from shared.contracts.http.auth import AccountMail, ContactList, ContactsRequest
from shared.web.app import Transaction
from shared.web.routes import Router

router = Router(prefix="/internal", dependencies=NOTIFIER)


@router.post("/contacts")
async def read_contacts(people: ContactsRequest, connection: Transaction) -> ContactList:
    """Where mail for users goes; those who do not exist are left out."""
    return ContactList(contacts=await account.contacts(connection, people.user_ids))


@router.post("/account-mails/{request_id}")
async def prepare_mail(request_id: UUID, connection: Transaction, now: Now) -> AccountMail:
    """A mail with a fresh link in it; 404 when it is no longer needed."""
    return await account_mails.prepare(connection, request_id, now)
