"""Which due mails a copy takes to send, and how its claims end without an outcome."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.claims.due_mails import LATER, LEASE, AcceptedMail, DueMail

NOBODY = UUID(int=0)
# A mail in hand is never due, whatever became of its lease.
_DUE = "due_at <= :now AND NOT mail_id = ANY(CAST(:in_hand AS uuid[]))"

# Users with due results, read one by one from an index; each of them with a number.
_USERS_AFTER_LAST = f"""
users_after_last AS (
    SELECT user_id, 1 AS number FROM (
        SELECT user_id FROM mails
        WHERE {_DUE} AND kind = 'check_result' AND user_id > :last_user
        ORDER BY user_id LIMIT 1
    ) AS first
    UNION ALL
    SELECT next.user_id, number + 1 FROM users_after_last, LATERAL (
        SELECT user_id FROM mails
        WHERE {_DUE} AND kind = 'check_result' AND mails.user_id > users_after_last.user_id
        ORDER BY user_id LIMIT 1
    ) AS next WHERE number < :limit
)"""  # noqa: S608 - no value is in it
_USERS_UP_TO_LAST = f"""
users_up_to_last AS (
    SELECT user_id, 1 AS number FROM (
        SELECT user_id FROM mails
        WHERE {_DUE} AND kind = 'check_result' AND user_id > :nobody
        ORDER BY user_id LIMIT 1
    ) AS first
    UNION ALL
    SELECT next.user_id, number + 1 FROM users_up_to_last, LATERAL (
        SELECT user_id FROM mails
        WHERE {_DUE} AND kind = 'check_result' AND mails.user_id > users_up_to_last.user_id
        AND mails.user_id <= :last_user
        ORDER BY user_id LIMIT 1
    ) AS next WHERE number < :limit
)"""  # noqa: S608
# Round robin: of each user the oldest result, those after the user who was served last first, then
# everybody's second one. Mails about accounts alternate with results, as people wait for them.
_CLAIM = text(f"""
WITH RECURSIVE {_USERS_AFTER_LAST}, {_USERS_UP_TO_LAST},
results AS (
    SELECT mail_id, row_number() OVER (ORDER BY number, part, user_id) AS rank
    FROM (SELECT user_id, 1 AS part FROM users_after_last
          UNION ALL SELECT user_id, 2 FROM users_up_to_last
          WHERE user_id <= :last_user ORDER BY part, user_id LIMIT :limit) AS users,
    LATERAL (
        SELECT mail_id, row_number() OVER (ORDER BY due_at, mail_id) AS number FROM (
            SELECT mail_id, due_at FROM mails WHERE {_DUE} AND kind = 'check_result'
            AND mails.user_id = users.user_id ORDER BY due_at LIMIT :limit
        ) AS oldest
    ) AS of_user
    ORDER BY rank LIMIT :limit
),
accounts AS (
    SELECT mail_id, row_number() OVER (ORDER BY due_at, mail_id) AS rank FROM (
        SELECT mail_id, due_at FROM mails WHERE {_DUE} AND kind <> 'check_result'
        ORDER BY due_at LIMIT :limit
    ) AS oldest
),
chosen AS (
    SELECT mail_id, 2 * rank AS place FROM results
    UNION ALL SELECT mail_id, 2 * rank + CAST(:account_offset AS int) FROM accounts
    ORDER BY place LIMIT :limit
),
locked AS (
    SELECT mail_id, place FROM mails JOIN chosen USING (mail_id) WHERE {_DUE}
    FOR UPDATE OF mails SKIP LOCKED
)
UPDATE mails SET state = 'sending', attempts = attempts + 1, due_at = :until, claimed_by = :copy
FROM locked WHERE mails.mail_id = locked.mail_id
RETURNING mails.mail_id, user_id, kind, request_id, type AS event_type, result, queued_at,
          attempts, claimed_by, deaths, accepted, correlation_id, causation_id, traceparent, place
""")  # noqa: S608

# Of two parts, each in the order of its index: else all mails are read where it seems that many
# are due.
_IS_ANY_DUE = text(f"""
SELECT EXISTS (
    (SELECT FROM mails WHERE {_DUE} AND kind <> 'check_result' ORDER BY due_at LIMIT 1)
    UNION ALL
    (SELECT FROM mails WHERE {_DUE} AND kind = 'check_result' ORDER BY user_id LIMIT 1)
)
""")  # noqa: S608

# Due at once after the first death, later after each further one. A row that is locked is being
# recorded at this moment.
_END_CLAIMS = text(f"""
UPDATE mails SET claimed_by = NULL, deaths = deaths + :died, unfinished = unfinished + 1 - :died,
                 due_at = CASE :died WHEN 0 THEN {LATER} ELSE
                     CAST(:now AS timestamptz) + deaths * interval '1 minute' END
WHERE mail_id IN (
    SELECT mail_id FROM mails WHERE claimed_by = ANY(CAST(:copies AS int[])) AND state = 'sending'
    AND NOT mail_id = ANY(CAST(:in_hand AS uuid[])) FOR UPDATE SKIP LOCKED
)
""")  # noqa: S608
_FIELDS = tuple(field.name for field in fields(DueMail))


@dataclass(frozen=True)
class LastServed:
    """The last user whose result was claimed, and whether a mail about an account came after it."""

    user_id: UUID = NOBODY
    account: bool = False

    def after(self, mails: Sequence[DueMail]) -> "LastServed":
        users = [mail.user_id for mail in mails if mail.request_id is None]
        return LastServed(users[-1] if users else self.user_id, mails[-1].request_id is not None)


async def claim(
    connection: AsyncConnection,
    copy: int,
    now: datetime,
    limit: int = 1,
    *,
    last_served: LastServed | None = None,
    in_hand: Collection[UUID] = (),
) -> list[DueMail]:
    """Claim up to `limit` due mails for a copy, in their order, and count the attempts.

    What the copy claimed before and has not `in_hand` is due again, each time later. The mails of a
    copy that dies during the attempt are sent by another one: with one attempt more and the same
    Message-ID, so that the worst is one duplicate of each, which the log shows.
    """
    last_served = last_served or LastServed()
    await _end(connection, [copy], now, died=0, in_hand=in_hand)
    values = {
        "copy": copy, "now": now, "until": now + LEASE, "limit": limit, "nobody": NOBODY,
        "last_user": last_served.user_id, "account_offset": 1 if last_served.account else -1,
        "in_hand": list(in_hand),
    }  # fmt: skip
    rows = (await connection.execute(_CLAIM, values)).mappings().all()
    return [
        DueMail(**{name: row[name] for name in _FIELDS} | {"accepted": _accepted(row["accepted"])})
        for row in sorted(rows, key=lambda row: int(row["place"]))
    ]


def _accepted(stored: dict[str, Any] | None) -> AcceptedMail | None:
    if stored is None:
        return None
    return AcceptedMail(**{**stored, "sent_at": datetime.fromisoformat(stored["sent_at"])})


async def is_any_due(connection: AsyncConnection, now: datetime, in_hand: Collection[UUID]) -> bool:
    values = {"now": now, "in_hand": list(in_hand)}
    return bool(await connection.scalar(_IS_ANY_DUE, values))


async def end_claims(connection: AsyncConnection, dead: Collection[int], now: datetime) -> int:
    """Make due what dead copies had claimed, and count the deaths; return how many mails."""
    return await _end(connection, dead, now, died=1)


async def _end(
    connection: AsyncConnection,
    copies: Collection[int],
    now: datetime,
    *,
    died: int,
    in_hand: Collection[UUID] = (),
) -> int:
    values = {"copies": list(copies), "now": now, "died": died, "in_hand": list(in_hand)}
    return (await connection.execute(_END_CLAIMS, values)).rowcount
