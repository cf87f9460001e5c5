"""Whose mail comes next: claims of mails whose time has come."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.claims.due_mails import LEASE, DueMail, Taken, end_unfinished

# What is in hand is never due, whatever became of its lease.
_DUE = "due_at <= :now AND NOT mail_id = ANY(CAST(:in_hand AS uuid[]))"
# Of each person in turn the oldest result, so that nobody waits behind another one's many: first of
# those behind the person who had the last turn, then of the others, then everybody's second.
_PEOPLE = f"""
    SELECT user_id, 1 AS number FROM (
        SELECT user_id FROM mails
        WHERE {_DUE} AND kind = 'check_result' AND user_id > {{start}}
        ORDER BY user_id LIMIT 1
    ) AS first
    UNION ALL
    SELECT next.user_id, number + 1 FROM {{name}}, LATERAL (
        SELECT user_id FROM mails
        WHERE {_DUE} AND kind = 'check_result' AND mails.user_id > {{name}}.user_id {{end}}
        ORDER BY user_id LIMIT 1
    ) AS next WHERE number < :most
"""  # noqa: S608 - no value is in it
NOBODY = UUID(int=0)
# Mails about accounts and results take turns, for of the former somebody waits before a screen.
_CLAIM = f"""
WITH RECURSIVE behind AS ({_PEOPLE.format(name="behind", start=":after", end="")}),
before AS ({_PEOPLE.format(name="before", start=":nobody", end="AND mails.user_id <= :after")}),
results AS (
    SELECT mail_id, row_number() OVER (ORDER BY number, part, user_id) AS turn
    FROM (SELECT user_id, 1 AS part FROM behind UNION ALL SELECT user_id, 2 FROM before
          WHERE user_id <= :after ORDER BY part, user_id LIMIT :most) AS people,
    LATERAL (
        SELECT mail_id, row_number() OVER (ORDER BY due_at, mail_id) AS number FROM (
            SELECT mail_id, due_at FROM mails WHERE {_DUE} AND kind = 'check_result'
            AND mails.user_id = people.user_id ORDER BY due_at LIMIT :most
        ) AS oldest
    ) AS theirs
    ORDER BY turn LIMIT :most
),
accounts AS (
    SELECT mail_id, row_number() OVER (ORDER BY due_at, mail_id) AS turn FROM (
        SELECT mail_id, due_at FROM mails WHERE {_DUE} AND kind <> 'check_result'
        ORDER BY due_at LIMIT :most
    ) AS oldest
),
chosen AS (
    SELECT mail_id, 2 * turn AS place FROM results
    UNION ALL SELECT mail_id, 2 * turn + CAST(:account_is AS int) FROM accounts
    ORDER BY place LIMIT :most
),
locked AS (
    SELECT mail_id, place FROM mails JOIN chosen USING (mail_id) WHERE {_DUE}
    FOR UPDATE OF mails SKIP LOCKED
)
UPDATE mails SET state = 'sending', attempts = attempts + 1, due_at = :until, claimed_by = :copy
FROM locked WHERE mails.mail_id = locked.mail_id
RETURNING mails.mail_id, user_id, kind, request_id, type, result, queued_at, attempts, claimed_by,
          deaths, taken, correlation_id, causation_id, traceparent, place
"""  # noqa: S608 - no value is in it

# Of two parts, each in the order of its index: else all mails are read where it seems that many
# are due.
_ANYTHING_DUE = f"""
SELECT EXISTS (
    (SELECT FROM mails WHERE {_DUE} AND kind <> 'check_result' ORDER BY due_at LIMIT 1)
    UNION ALL
    (SELECT FROM mails WHERE {_DUE} AND kind = 'check_result' ORDER BY user_id LIMIT 1)
)
"""  # noqa: S608
_FIELDS = tuple(field.name for field in fields(DueMail))


@dataclass(frozen=True)
class Turn:
    """Who was served last: a person with a result, and whether after that an account had a turn."""

    person: UUID = NOBODY
    account: bool = False

    def after(self, mails: Sequence[DueMail]) -> "Turn":
        people = [mail.user_id for mail in mails if mail.request_id is None]
        return Turn(people[-1] if people else self.person, mails[-1].request_id is not None)


async def claim(
    connection: AsyncConnection,
    copy: int,
    now: datetime,
    most: int = 1,
    *,
    turn: Turn | None = None,
    in_hand: Collection[UUID] = (),
) -> list[DueMail]:
    """Take mails for a copy, in the order of their turns, and note the attempts before they begin.

    What the copy claimed before and neither has `in_hand` nor brought to an end is due again first.

    A copy that dies in the attempt leaves the mails to another one: with one attempt more and the
    same Message-ID, so the worst is one duplicate of each, which the log shows.
    """
    turn = turn or Turn()
    await end_unfinished(connection, copy, now, in_hand)
    values = {
        "copy": copy, "now": now, "until": now + LEASE, "most": most, "nobody": NOBODY,
        "after": turn.person, "account_is": 1 if turn.account else -1, "in_hand": list(in_hand),
    }  # fmt: skip
    rows = (await connection.execute(text(_CLAIM), values)).mappings().all()
    return [
        DueMail(**{name: row[name] for name in _FIELDS} | {"taken": _taken(row["taken"])})
        for row in sorted(rows, key=lambda row: int(row["place"]))
    ]


def _taken(noted: dict[str, Any] | None) -> Taken | None:
    if noted is None:
        return None
    return Taken(**{**noted, "sent_at": datetime.fromisoformat(noted["sent_at"])})


async def anything_due(
    connection: AsyncConnection, now: datetime, in_hand: Collection[UUID]
) -> bool:
    values = {"now": now, "in_hand": list(in_hand)}
    return bool(await connection.scalar(text(_ANYTHING_DUE), values))
