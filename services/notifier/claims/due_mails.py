"""Mails in the hands of a copy: what becomes of their claims."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.notifier import MailKind

# A claim ends with its copy, and a living copy makes due what it has forgotten when it claims the
# next mails. So the lease is longer than any outage through which a copy waits with an outcome.
LEASE = timedelta(hours=1)
GIVEN_UP = 5  # copies that died while they sent a mail, after which it is not tried any more

# 5 s, 20 s, 80 s …, at most 85 minutes.
_LATER = "CAST(:now AS timestamptz) + interval '5 seconds' * power(4, least(unfinished, 5))"
# At once after the first death, later after each further one. What is locked is being settled at
# this moment.
_END = f"""
UPDATE mails SET claimed_by = NULL, deaths = deaths + :died, unfinished = unfinished + 1 - :died,
                 due_at = CASE :died WHEN 0 THEN {_LATER} ELSE
                     CAST(:now AS timestamptz) + deaths * interval '1 minute' END
WHERE mail_id IN (
    SELECT mail_id FROM mails WHERE claimed_by = ANY(CAST(:copies AS int[])) AND state = 'sending'
    AND NOT mail_id = ANY(CAST(:in_hand AS uuid[])) FOR UPDATE SKIP LOCKED
)
"""  # noqa: S608 - no value is in it

_KEYS = """
unnest(CAST(:mail_ids AS uuid[]), CAST(:attempts AS int[]), CAST(:copies AS int[]))
    AS key (mail_id, attempts, claimed_by)
"""
_OURS = """
mails.mail_id = key.mail_id AND mails.state = 'sending' AND mails.attempts = key.attempts
AND mails.claimed_by = key.claimed_by
"""
_PUT_BACK = f"""
UPDATE mails SET state = :state, attempts = mails.attempts - 1, due_at = :due_at, claimed_by = NULL
FROM {_KEYS} WHERE {_OURS} RETURNING mails.mail_id
"""  # noqa: S608 - no value is in it
_PUT_OFF = f"""
UPDATE mails SET claimed_by = NULL, unfinished = unfinished + 1, due_at = {_LATER}
FROM {_KEYS} WHERE {_OURS}
"""  # noqa: S608
_RENEW = f"""
UPDATE mails SET due_at = :until FROM {_KEYS} WHERE {_OURS} RETURNING mails.mail_id
"""  # noqa: S608
_NOTE_TAKEN = f"""
UPDATE mails SET state = 'sending', claimed_by = NULL, taken = CAST(:taken AS jsonb),
                 unfinished = unfinished + 1, due_at = {_LATER}
WHERE mail_id = :mail_id AND state <> 'sent'
"""  # noqa: S608
_LEAVE = """
UPDATE mails SET state = 'sending', result = '{}', due_at = :now
WHERE mail_id = :mail_id AND state IN ('queued', 'held')
"""
_HOLD = f"""
SELECT mails.mail_id FROM mails, {_KEYS} WHERE {_OURS} ORDER BY mails.mail_id FOR UPDATE OF mails
"""  # noqa: S608


@dataclass(frozen=True)
class Taken:
    """What a mail server has taken, without its words, which may be about a person."""

    message_id: str
    attempts: int
    sent_at: datetime


@dataclass(frozen=True)
class DueMail:
    """A mail to send now; `attempts` counts this one. `result` is for nobody's eyes but its own.

    `claimed_by` is the copy that sends it, `deaths` the number of copies that died meanwhile. With
    `taken` nothing is to be sent any more, only recorded.
    """

    mail_id: UUID
    user_id: UUID
    kind: MailKind
    request_id: UUID | None
    type: str
    result: dict[str, Any] = field(repr=False)
    queued_at: datetime
    attempts: int
    claimed_by: int
    deaths: int
    taken: Taken | None
    correlation_id: UUID | None
    causation_id: UUID | None
    traceparent: str | None


async def end_claims(connection: AsyncConnection, dead: Collection[int], now: datetime) -> int:
    """Make due what dead copies had claimed, and count that they died; return the number."""
    return await _end(connection, dead, now, died=1)


async def end_unfinished(
    connection: AsyncConnection, copy: int, now: datetime, in_hand: Collection[UUID]
) -> None:
    """Make due what a living copy neither has in hand nor brought to an end, each time later."""
    await _end(connection, [copy], now, died=0, in_hand=in_hand)


async def _end(
    connection: AsyncConnection,
    copies: Collection[int],
    now: datetime,
    *,
    died: int,
    in_hand: Collection[UUID] = (),
) -> int:
    values = {"copies": list(copies), "now": now, "died": died, "in_hand": list(in_hand)}
    return (await connection.execute(text(_END), values)).rowcount


async def hold(connection: AsyncConnection, mails: Collection[DueMail]) -> set[UUID]:
    """Those that are still ours; nobody takes them before the end of the transaction."""
    return set((await connection.scalars(text(_HOLD), _keys(mails))).all())


async def renew(
    connection: AsyncConnection, mails: Collection[DueMail], now: datetime
) -> set[UUID]:
    """The same, and give each as much time as a fresh claim."""
    values = {**_keys(mails), "until": now + LEASE}
    return set((await connection.scalars(text(_RENEW), values)).all())


async def put_back(
    connection: AsyncConnection, mails: Collection[DueMail], due_at: datetime | None
) -> set[UUID]:
    """Undo claims that did not come to an attempt; without a time the mails are held.

    Those whose claim has ended are left out: another copy may be sending them.
    """
    values = {**_keys(mails), "due_at": due_at, "state": "queued" if due_at else "held"}
    return set((await connection.scalars(text(_PUT_BACK), values)).all())


async def put_off(connection: AsyncConnection, mail: DueMail, now: datetime) -> None:
    """End a claim that came to nothing: the mail is due again, each time later."""
    await connection.execute(text(_PUT_OFF), {**_keys([mail]), "now": now})


def _keys(mails: Collection[DueMail]) -> dict[str, object]:
    return {
        "mail_ids": [mail.mail_id for mail in mails],
        "attempts": [mail.attempts for mail in mails],
        "copies": [mail.claimed_by for mail in mails],
    }


async def note_taken(
    connection: AsyncConnection, mail: DueMail, taken: Taken, now: datetime
) -> None:
    """Keep what could not be recorded, whoever holds the mail: it is not sent any more."""
    values = {"mail_id": mail.mail_id, "taken": json.dumps(asdict(taken), default=str), "now": now}
    await connection.execute(text(_NOTE_TAKEN), values)


async def leave(connection: AsyncConnection, mail_id: UUID, now: datetime) -> None:
    """Empty a mail that waits, and leave its end to the sender."""
    await connection.execute(text(_LEAVE), {"mail_id": mail_id, "now": now})
