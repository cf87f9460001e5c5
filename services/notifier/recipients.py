"""Who may be written to: people whose address is confirmed, nobody who is to be forgotten.

Every step and function here holds the append lock until the end of the transaction, so that a mail
is never put aside while the news that would release it, or end it, is being noted.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.claims import due_mails
from services.notifier.claims.due_mails import DueMail
from services.notifier.domain.mail import MAIL, hold, stream, suppressed
from shared.clock import Clock
from shared.errors import ConcurrencyConflict
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.erasure.erased_users import is_erased, marking_erased
from shared.eventsourcing.erasure.masking import masking
from shared.eventsourcing.erasure.row_deletion import deleting
from shared.eventsourcing.erasure.steps import Step
from shared.eventsourcing.event import UnreadableRowError
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from shared.logging import log

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
    FROM (SELECT mail_id, queued_at FROM mails WHERE user_id = :user_id AND state = 'held'
          ORDER BY queued_at, mail_id LIMIT :most) AS next
) AS held
WHERE m.mail_id = held.mail_id
"""
_IS_CONFIRMED = "SELECT EXISTS (SELECT FROM confirmed_users WHERE user_id = :user_id)"
_EMPTY = """
UPDATE mails SET result = '{}' WHERE mail_id IN (
    SELECT mail_id FROM mails WHERE user_id = :user_id AND state = 'sending' AND result <> '{}'
    LIMIT :most
)
"""
_WAITING = """
SELECT mail_id FROM mails WHERE user_id = :user_id AND state IN ('queued', 'held') LIMIT :most
"""
RELEASED_AT_ONCE = 500  # mails
ENDED_AT_ONCE = 20  # mails, each with a stream of its own


def confirming(user_id: UUID, clock: Clock) -> Sequence[Step]:
    """The address is the person's own: send what was held, the oldest first."""
    return [partial(_note, user_id=user_id), partial(_release, user_id=user_id, clock=clock)]


async def _note(connection: AsyncConnection, *, user_id: UUID) -> bool:
    await connection.execute(text(_NOTE), {"user_id": user_id})
    return False


async def _release(connection: AsyncConnection, *, user_id: UUID, clock: Clock) -> bool:
    values = {"user_id": user_id, "now": clock(), "most": RELEASED_AT_ONCE}
    return (await connection.execute(text(_RELEASE), values)).rowcount > 0


async def hold_back(
    connection: AsyncConnection, store: EventStore, mail: DueMail, now: datetime
) -> None:
    """Put a claimed mail aside until its reader confirms the address, unless that has happened."""
    await take_append_lock(connection)
    confirmed = await connection.scalar(text(_IS_CONFIRMED), {"user_id": mail.user_id})
    if confirmed or await is_erased(connection, mail.user_id):
        await due_mails.put_back(connection, [mail], now + SOON)  # auth will say so, too
    elif await due_mails.put_back(connection, [mail], None):
        await execute(connection, store, MAIL, stream(mail.mail_id), hold)


def forgetting(store: EventStore, user_id: UUID, clock: Clock) -> Sequence[Step]:
    """End the mails that wait, and blank what is kept about the person.

    A mail that is being handed over right now is left to its sender, who alone learns whether the
    mail server has taken it. So is a mail about which nothing can be decided.
    """
    return [
        marking_erased(user_id),
        deleting("confirmed_users", user_id),
        partial(_empty, user_id=user_id),
        partial(_suppress, store=store, user_id=user_id, clock=clock),
        masking(store.types, user_id),
    ]


async def _empty(connection: AsyncConnection, *, user_id: UUID) -> bool:
    values = {"user_id": user_id, "most": ENDED_AT_ONCE}
    return (await connection.execute(text(_EMPTY), values)).rowcount > 0


async def _suppress(
    connection: AsyncConnection, *, store: EventStore, user_id: UUID, clock: Clock
) -> bool:
    waiting = await connection.scalars(text(_WAITING), {"user_id": user_id, "most": ENDED_AT_ONCE})
    mails = waiting.all()
    for mail_id in mails:
        decide = partial(suppressed, reason="user_unknown")
        try:
            ended = await execute(connection, store, MAIL, stream(mail_id), decide)
        except (UnreadableRowError, ConcurrencyConflict):
            ended = []
        if not ended:
            log.error("mail_not_ended", mail_id=str(mail_id))
            await due_mails.leave(connection, mail_id, clock())
    return bool(mails)
