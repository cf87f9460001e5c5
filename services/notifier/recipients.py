"""Which users may be written to: those with a confirmed address, who are not to be erased.

Every step and function here holds the append lock until the end of the transaction: else a mail
could be held while the event that would release or end it is being consumed.
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

RETRY_AFTER = timedelta(seconds=5)
MAX_RELEASED, MAX_ENDED = 500, 20  # mails in a step; each that ends has a stream of its own

_SAVE_CONFIRMED = text("""
INSERT INTO confirmed_users (user_id) SELECT :user_id
WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = :user_id)
ON CONFLICT DO NOTHING
""")
# The two days in which a mail is tried begin when it may be sent. A microsecond apart they leave in
# the order in which they were queued, and not before mails that are due already.
_RELEASE_HELD = text("""
UPDATE mails m SET state = 'queued', queued_at = CAST(:now AS timestamptz),
                   due_at = CAST(:now AS timestamptz) - held.behind * interval '1 microsecond'
FROM (
    SELECT mail_id, row_number() OVER (ORDER BY queued_at DESC, mail_id DESC) - 1 AS behind
    FROM (SELECT mail_id, queued_at FROM mails WHERE user_id = :user_id AND state = 'held'
          ORDER BY queued_at, mail_id LIMIT :limit) AS next
) AS held
WHERE m.mail_id = held.mail_id
""")
_IS_CONFIRMED = text("""
SELECT EXISTS (SELECT FROM confirmed_users WHERE user_id = :user_id)
""")
_BLANK_SENDING = text("""
UPDATE mails SET result = '{}' WHERE mail_id IN (
    SELECT mail_id FROM mails WHERE user_id = :user_id AND state = 'sending' AND result <> '{}'
    LIMIT :limit
)
""")
_WAITING_MAILS = text("""
SELECT mail_id FROM mails WHERE user_id = :user_id AND state IN ('queued', 'held') LIMIT :limit
""")


def confirmation_steps(user_id: UUID, clock: Clock) -> Sequence[Step]:
    """The user has confirmed the address: release the held mails, the oldest first."""
    return [
        partial(_save_confirmed, user_id=user_id),
        partial(_release_held, user_id=user_id, clock=clock),
    ]


async def _save_confirmed(connection: AsyncConnection, *, user_id: UUID) -> bool:
    await connection.execute(_SAVE_CONFIRMED, {"user_id": user_id})
    return False


async def _release_held(connection: AsyncConnection, *, user_id: UUID, clock: Clock) -> bool:
    values = {"user_id": user_id, "now": clock(), "limit": MAX_RELEASED}
    return (await connection.execute(_RELEASE_HELD, values)).rowcount > 0


async def hold_until_confirmed(
    connection: AsyncConnection, store: EventStore, mail: DueMail, now: datetime
) -> None:
    """Hold a claimed mail until its reader confirms the address, unless that has happened."""
    await take_append_lock(connection)
    confirmed = await connection.scalar(_IS_CONFIRMED, {"user_id": mail.user_id})
    if confirmed or await is_erased(connection, mail.user_id):
        await due_mails.put_back(connection, [mail], now + RETRY_AFTER)  # auth will say so, too
    elif await due_mails.put_back(connection, [mail], None):
        await execute(connection, store, MAIL, stream(mail.mail_id), hold)


def erasure_steps(store: EventStore, user_id: UUID, clock: Clock) -> Sequence[Step]:
    """End the mails that wait, and blank what is stored about the user.

    A mail that is being delivered is left to the sender, which alone learns whether the mail server
    has accepted it. So is a mail about which nothing can be decided.
    """
    return [
        marking_erased(user_id),
        deleting("confirmed_users", user_id),
        partial(_blank_sending, user_id=user_id),
        partial(_suppress_waiting, store=store, user_id=user_id, clock=clock),
        masking(store.types, user_id),
    ]


async def _blank_sending(connection: AsyncConnection, *, user_id: UUID) -> bool:
    values = {"user_id": user_id, "limit": MAX_ENDED}
    return (await connection.execute(_BLANK_SENDING, values)).rowcount > 0


async def _suppress_waiting(
    connection: AsyncConnection, *, store: EventStore, user_id: UUID, clock: Clock
) -> bool:
    values = {"user_id": user_id, "limit": MAX_ENDED}
    mails = (await connection.scalars(_WAITING_MAILS, values)).all()
    for mail_id in mails:
        decide = partial(suppressed, reason="user_unknown")
        try:
            ended = await execute(connection, store, MAIL, stream(mail_id), decide)
        except (UnreadableRowError, ConcurrencyConflict):
            ended = []
        if not ended:
            log.error("mail_not_ended", mail_id=str(mail_id))
            await due_mails.blank_and_requeue(connection, mail_id, clock())
    return bool(mails)
