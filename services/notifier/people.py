"""Who may be written to: people whose address is confirmed, nobody who is to be forgotten.

Every function here holds the append lock until the end of the transaction, so that a mail is never
put aside while the news that would release it, or end it, is being noted.
"""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier import due
from services.notifier.domain.mail import MAIL, hold, stream, suppressed
from services.notifier.due import DueMail
from shared.eventsourcing.erasure import erase_person, is_erased
from shared.eventsourcing.execute import execute
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.store import EventStore

SOON = timedelta(seconds=5)

_NOTE = """
INSERT INTO confirmed_users (user_id) SELECT :user_id
WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = :user_id)
ON CONFLICT DO NOTHING
"""
# The two days in which a mail is tried begin when it may be sent. A microsecond apart they leave in
# the order in which they were queued, and not before what others have been waiting for.
_RELEASE = """
UPDATE mails m SET state = 'queued', queued_at = CAST(:now AS timestamptz),
                   due_at = CAST(:now AS timestamptz) - held.behind * interval '1 microsecond'
FROM (
    SELECT mail_id, row_number() OVER (ORDER BY queued_at DESC, mail_id DESC) - 1 AS behind
    FROM mails WHERE user_id = :user_id AND state = 'held'
) AS held
WHERE m.mail_id = held.mail_id
"""
_IS_CONFIRMED = "SELECT EXISTS (SELECT FROM confirmed_users WHERE user_id = :user_id)"
_EMPTY = "UPDATE mails SET result = '{}' WHERE user_id = :user_id AND state = 'sending'"
_WAITING = "SELECT mail_id FROM mails WHERE user_id = :user_id AND state IN ('queued', 'held')"
_FORGET = "DELETE FROM confirmed_users WHERE user_id = :user_id"


async def confirm(connection: AsyncConnection, user_id: UUID, now: datetime) -> None:
    """The address is the person's own: send what was held."""
    await take_append_lock(connection)
    await connection.execute(text(_NOTE), {"user_id": user_id})
    await connection.execute(text(_RELEASE), {"user_id": user_id, "now": now})


async def hold_back(
    connection: AsyncConnection, store: EventStore, mail: DueMail, now: datetime
) -> None:
    """Put a claimed mail aside until its reader confirms the address, unless that has happened."""
    await take_append_lock(connection)
    confirmed = await connection.scalar(text(_IS_CONFIRMED), {"user_id": mail.user_id})
    if confirmed or await is_erased(connection, mail.user_id):
        await due.put_back(connection, mail, now + SOON)  # auth will say so, too
    elif await due.put_back(connection, mail, None):
        await execute(connection, store, MAIL, stream(mail.mail_id), hold)


async def forget(connection: AsyncConnection, store: EventStore, user_id: UUID) -> None:
    """Blank what is kept about the person and end the mails that wait.

    A mail that is being handed over right now is left to its sender, who alone learns whether the
    mail server has taken it.
    """
    await erase_person(connection, store.types, user_id)
    for statement in (_EMPTY, _FORGET):
        await connection.execute(text(statement), {"user_id": user_id})
    for mail_id in (await connection.scalars(text(_WAITING), {"user_id": user_id})).all():
        decide = partial(suppressed, reason="user_unknown")
        await execute(connection, store, MAIL, stream(mail_id), decide)
