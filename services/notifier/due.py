"""Mails whose time has come."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.notifier import MailKind

# Longer than the longest conversation with a mail server. A claim ends with its copy; only a copy
# that lives and has forgotten what it claimed is waited for that long.
LEASE = timedelta(minutes=3)
GIVEN_UP = 5  # copies that died while they sent a mail, after which it is not tried any more

_CLAIM = """
UPDATE mails SET state = 'sending', attempts = attempts + 1, due_at = :until, claimed_by = :copy
WHERE mail_id = (
    SELECT mail_id FROM mails WHERE due_at <= :now AND {which} LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING mail_id, user_id, kind, request_id, type, result, queued_at, attempts, claimed_by, deaths,
          taken, correlation_id, causation_id, traceparent
"""
# For a mail about the account somebody waits before a screen.
_ACCOUNT = _CLAIM.format(which="kind <> 'check_result' ORDER BY due_at")
# Of each person in turn the oldest one, so that nobody waits behind another one's many.
_RESULT = _CLAIM.format(which="kind = 'check_result' AND user_id > :after ORDER BY user_id, due_at")
NOBODY = UUID(int=0)

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
    FOR UPDATE SKIP LOCKED
)
"""  # noqa: S608 - no value is in it

_OURS = """
mail_id = :mail_id AND state = 'sending' AND attempts = :attempts AND claimed_by = :claimed_by
"""
_PUT_BACK = f"""
UPDATE mails SET state = :state, attempts = attempts - 1, due_at = :due_at, claimed_by = NULL
WHERE {_OURS}
"""  # noqa: S608 - no value is in it
_PUT_OFF = f"""
UPDATE mails SET claimed_by = NULL, unfinished = unfinished + 1, due_at = {_LATER} WHERE {_OURS}
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
_HOLD = f"SELECT mail_id FROM mails WHERE {_OURS} FOR UPDATE"  # noqa: S608


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

    def key(self) -> dict[str, object]:
        return {
            "mail_id": self.mail_id, "attempts": self.attempts, "claimed_by": self.claimed_by
        }  # fmt: skip


async def claim(
    connection: AsyncConnection,
    copy: int,
    now: datetime,
    after: UUID = NOBODY,
    *,
    results_first: bool = False,
) -> DueMail | None:
    """Take a mail for a copy that sends nothing else, and note the attempt before it is made.

    Results are taken person by person: the next one is that of the person `after`. What the copy
    claimed before and did not bring to an end is due again, each time later.

    A copy that dies in the attempt leaves the mail to another one: with one attempt more and the
    same Message-ID, so the worst is one duplicate, which the log shows.
    """
    await _end(connection, [copy], now, died=0)
    values = {"copy": copy, "now": now, "until": now + LEASE}
    accounts: list[tuple[str, dict[str, UUID]]] = [(_ACCOUNT, {})]
    results = [(_RESULT, {"after": after}), (_RESULT, {"after": NOBODY})]
    for statement, person in results + accounts if results_first else accounts + results:
        row = (await connection.execute(text(statement), {**values, **person})).mappings().first()
        if row:
            return DueMail(**{**row, "taken": _taken(row["taken"])})
    return None


def _taken(noted: dict[str, Any] | None) -> Taken | None:
    if noted is None:
        return None
    return Taken(**{**noted, "sent_at": datetime.fromisoformat(noted["sent_at"])})


async def end_claims(connection: AsyncConnection, dead: Collection[int], now: datetime) -> int:
    """Make due what dead copies had claimed, and count that they died; return the number."""
    return await _end(connection, dead, now, died=1)


async def _end(
    connection: AsyncConnection, copies: Collection[int], now: datetime, *, died: int
) -> int:
    values = {"copies": list(copies), "now": now, "died": died}
    return (await connection.execute(text(_END), values)).rowcount


async def hold(connection: AsyncConnection, mail: DueMail) -> bool:
    """Whether the mail is still ours; nobody takes it before the end of the transaction."""
    return (await connection.execute(text(_HOLD), mail.key())).first() is not None


async def put_back(connection: AsyncConnection, mail: DueMail, due_at: datetime | None) -> bool:
    """Undo a claim that did not come to an attempt; without a time the mail is held.

    False for a copy whose claim has ended: another one may be sending the mail.
    """
    values = {**mail.key(), "due_at": due_at, "state": "queued" if due_at else "held"}
    return (await connection.execute(text(_PUT_BACK), values)).rowcount == 1


async def put_off(connection: AsyncConnection, mail: DueMail, now: datetime) -> None:
    """End a claim that came to nothing: the mail is due again, each time later."""
    await connection.execute(text(_PUT_OFF), {**mail.key(), "now": now})


async def note_taken(
    connection: AsyncConnection, mail: DueMail, taken: Taken, now: datetime
) -> None:
    """Keep what could not be recorded, whoever holds the mail: it is not sent any more."""
    values = {"mail_id": mail.mail_id, "taken": json.dumps(asdict(taken), default=str), "now": now}
    await connection.execute(text(_NOTE_TAKEN), values)


async def leave(connection: AsyncConnection, mail_id: UUID, now: datetime) -> None:
    """Empty a mail that waits, and leave its end to the sender."""
    await connection.execute(text(_LEAVE), {"mail_id": mail_id, "now": now})
