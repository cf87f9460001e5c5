"""What the notifier asks at the moment of sending."""

from uuid import UUID

from services.auth import account_mails, queries
from services.auth.api.parts import NOTIFIER, Now
from shared.web.app import Transaction
from shared.web.routes import Router

router = Router(prefix="/internal", dependencies=NOTIFIER)


@router.get("/users/{user_id}/contact")
async def contact(user_id: UUID, connection: Transaction) -> queries.Contact:
    """Where mail for a user goes; 404 for a user who is gone."""
    return await queries.contact(connection, user_id)


@router.post("/account-mails/{request_id}")
async def account_mail(
    request_id: UUID, connection: Transaction, now: Now
) -> account_mails.AccountMail:
    """A mail with a fresh link in it; 404 when it is no longer wanted."""
    return await account_mails.prepare(connection, request_id, now)
