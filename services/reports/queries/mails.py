"""Every mail that was written to a person, about checks and about the account."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.queries.pages import Listing, Order, Page, read
from shared.contracts.http.reports import MailRecord

_SELECT = """
SELECT m.mail_id, m.kind, m.check_id, m.state, m.attempts, m.sent_at, m.message_id, m.reply,
       m.reason, m.next_attempt_at, m.queued_at
FROM mails m
"""
# That there is a mail to an address somebody wants would tell that it has no account.
_WHERE = """
m.user_id = :user_id AND m.queued_at IS NOT NULL AND m.kind <> 'confirm_new_email'
"""
_NEWEST = Order("m.queued_at", "m.mail_id", datetime)


async def mails(
    connection: AsyncConnection, user_id: UUID, cursor: str | None, limit: int
) -> Page[MailRecord]:
    """The last queued first; a mail appears when `EmailQueued` has told its kind."""
    listing = Listing("mails", _SELECT, _WHERE, {"user_id": user_id}, _NEWEST)
    page = await read(connection, listing, cursor, limit)
    return Page([MailRecord(**row) for row in page.items], page.next_cursor)
