"""What the notifier asks at the moment of sending."""

from uuid import UUID

from pydantic import BaseModel, Field

from services.auth import account_mails, queries
from services.auth.api.parts import NOTIFIER, Body, Now
from shared.web.app import Transaction
from shared.web.routes import Router

router = Router(prefix="/internal", dependencies=NOTIFIER)


class People(Body):
    """Whom mails go to."""

    user_ids: list[UUID] = Field(max_length=1000)


class Contacts(BaseModel):
    """Those who are not gone."""

    contacts: list[queries.Contact]


@router.post("/contacts")
async def contacts(people: People, connection: Transaction) -> Contacts:
    """Where mail for users goes; who is gone is left out."""
    return Contacts(contacts=await queries.contacts(connection, people.user_ids))


@router.post("/account-mails/{request_id}")
async def account_mail(
    request_id: UUID, connection: Transaction, now: Now
) -> account_mails.AccountMail:
    """A mail with a fresh link in it; 404 when it is no longer wanted."""
    return await account_mails.prepare(connection, request_id, now)
