"""The log of mails to a user, about checks and about the account."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.queries.pagination import Listing, Order, Page, read_page
from shared.contracts.http.reports import MailRecord

_SELECT = """
SELECT m.mail_id, m.kind, m.check_id, m.state, m.attempts, m.sent_at, m.message_id, m.reply,
       m.reason, m.next_attempt_at, m.queued_at
FROM mails m
"""
# A mail to confirm a new address is sent only where the address has no account: showing that it
# exists would reveal that.
_WHERE = """
m.user_id = :user_id AND m.queued_at IS NOT NULL AND m.kind <> 'confirm_new_email'
"""
_NEWEST = Order("m.queued_at", "m.mail_id", datetime)


async def mails(
    connection: AsyncConnection, user_id: UUID, cursor: str | None, limit: int
) -> Page[MailRecord]:
    """The last queued first; a mail is listed once its `EmailQueued` has arrived."""
    listing = Listing("mails", _SELECT, _WHERE, {"user_id": user_id}, _NEWEST)
    page = await read_page(connection, listing, cursor, limit)
    return Page([MailRecord(**row) for row in page.items], page.next_cursor)
