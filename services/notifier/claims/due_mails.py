"""Mails that this copy has claimed, and how a claim to one ends."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.notifier import MailKind

# A claim ends with its copy, and a copy that has forgotten a claim ends it when it claims the next
# mails. So the lease is longer than any outage during which a copy waits to record an outcome.
LEASE = timedelta(hours=1)
MAX_DEATHS = 5  # copies that died while they sent a mail; then it is not tried any more

# 5 s, 20 s, 80 s …, at most 85 minutes.
LATER = "CAST(:now AS timestamptz) + interval '5 seconds' * power(4, least(unfinished, 5))"
_CLAIMS = """
unnest(CAST(:mail_ids AS uuid[]), CAST(:attempts AS int[]), CAST(:copies AS int[]))
    AS claim (mail_id, attempts, claimed_by)
"""
_IS_CLAIMED = """
mails.mail_id = claim.mail_id AND mails.state = 'sending' AND mails.attempts = claim.attempts
AND mails.claimed_by = claim.claimed_by
"""

_LOCK_CLAIMED = text(f"""
SELECT mails.mail_id FROM mails, {_CLAIMS} WHERE {_IS_CLAIMED}
ORDER BY mails.mail_id FOR UPDATE OF mails
""")  # noqa: S608 - no value is in it

_RENEW = text(f"""
UPDATE mails SET due_at = :until FROM {_CLAIMS} WHERE {_IS_CLAIMED} RETURNING mails.mail_id
""")  # noqa: S608

_PUT_BACK = text(f"""
UPDATE mails SET state = :state, attempts = mails.attempts - 1, due_at = :due_at, claimed_by = NULL
FROM {_CLAIMS} WHERE {_IS_CLAIMED} RETURNING mails.mail_id
""")  # noqa: S608

_POSTPONE = text(f"""
UPDATE mails SET claimed_by = NULL, unfinished = unfinished + 1, due_at = {LATER}
FROM {_CLAIMS} WHERE {_IS_CLAIMED}
""")  # noqa: S608

_STORE_ACCEPTED = text(f"""
UPDATE mails SET state = 'sending', claimed_by = NULL, accepted = CAST(:accepted AS jsonb),
                 unfinished = unfinished + 1, due_at = {LATER}
WHERE mail_id = :mail_id AND state <> 'sent'
""")  # noqa: S608

_BLANK_AND_REQUEUE = text("""
UPDATE mails SET state = 'sending', result = '{}', due_at = :now
WHERE mail_id = :mail_id AND state IN ('queued', 'held')
""")


@dataclass(frozen=True)
class AcceptedMail:
    """What a mail server has accepted, without its reply, which may be about a person."""

    message_id: str
    attempts: int
    sent_at: datetime


@dataclass(frozen=True)
class DueMail:
    """A mail to send now; `attempts` counts this one.

    `result` is the event of a check, of type `event_type`; it is personal, and in no `repr`.
    `claimed_by` is the copy that sends it, `deaths` the number of copies that died meanwhile. A
    mail that is `accepted` is not sent any more, only recorded.
    """

    mail_id: UUID
    user_id: UUID
    kind: MailKind
    request_id: UUID | None
    event_type: str
    result: dict[str, Any] = field(repr=False)
    queued_at: datetime
    attempts: int
    claimed_by: int
    deaths: int
    accepted: AcceptedMail | None
    correlation_id: UUID | None
    causation_id: UUID | None
    traceparent: str | None


async def lock_claimed(connection: AsyncConnection, mails: Collection[DueMail]) -> set[UUID]:
    """Lock the rows of mails whose claims hold until the transaction ends; return their ids."""
    return set((await connection.scalars(_LOCK_CLAIMED, _keys(mails))).all())


async def renew(
    connection: AsyncConnection, mails: Collection[DueMail], now: datetime
) -> set[UUID]:
    """Renew the leases of claims that hold; return the ids of their mails."""
    values = {**_keys(mails), "until": now + LEASE}
    return set((await connection.scalars(_RENEW, values)).all())


async def put_back(
    connection: AsyncConnection, mails: Collection[DueMail], due_at: datetime | None
) -> set[UUID]:
    """End claims without an attempt; without a time the mails are held.

    Mails whose claims have ended are left out: another copy may be sending them.
    """
    values = {**_keys(mails), "due_at": due_at, "state": "queued" if due_at else "held"}
    return set((await connection.scalars(_PUT_BACK, values)).all())


async def postpone(connection: AsyncConnection, mail: DueMail, now: datetime) -> None:
    """End a claim without an outcome: the mail is due again, each time later."""
    await connection.execute(_POSTPONE, {**_keys([mail]), "now": now})


async def store_accepted(
    connection: AsyncConnection, mail: DueMail, accepted: AcceptedMail, now: datetime
) -> None:
    """Store with the mail, whoever has claimed it, that it must not be sent any more."""
    accepted_json = json.dumps(asdict(accepted), default=str)
    values = {"mail_id": mail.mail_id, "accepted": accepted_json, "now": now}
    await connection.execute(_STORE_ACCEPTED, values)


async def blank_and_requeue(connection: AsyncConnection, mail_id: UUID, now: datetime) -> None:
    """Blank a mail that waits, and make it due so that the sender ends it."""
    await connection.execute(_BLANK_AND_REQUEUE, {"mail_id": mail_id, "now": now})


def _keys(mails: Collection[DueMail]) -> dict[str, object]:
    return {
        "mail_ids": [mail.mail_id for mail in mails],
        "attempts": [mail.attempts for mail in mails],
        "copies": [mail.claimed_by for mail in mails],
    }
