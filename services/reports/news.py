"""What people hear of the journal: read once for all who ask at the same time."""

import asyncio
from collections.abc import Collection, Sequence
from contextvars import Context
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from shared.db import Database

PAGE = 100  # events for a listener at once
AT_ONCE = 100  # listeners in a query

# Only what is told of an event is read of it, however large it is.
_NEWS = text("""
SELECT listener.user_id, listener.after, e.position, e.type,
       e.data ->> 'file_id' AS file_id, e.data ->> 'check_id' AS check_id
FROM unnest(CAST(:people AS uuid[]), CAST(:positions AS bigint[])) AS listener (user_id, after),
LATERAL (
    SELECT position, type, data FROM journal
    WHERE user_id = listener.user_id AND position > listener.after ORDER BY position LIMIT :limit
) AS e
WHERE NOT EXISTS (SELECT FROM erased_users AS x WHERE x.user_id = listener.user_id)
ORDER BY e.position
""")


class Listener(NamedTuple):
    """Somebody who has heard everything up to a position of the journal."""

    user_id: UUID
    after: int


class News(NamedTuple):
    """What is told of an event; without ids of what can't be read."""

    position: int
    type: str
    file_id: str | None
    check_id: str | None


class Newsreader:
    """Reads the journal for all listeners of this process, in one query at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: dict[Listener, asyncio.Future[Sequence[News]]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def next(self, listener: Listener) -> Sequence[News]:
        """What comes next for the listener, at most a page; nothing for who is erased."""
        if listener not in self._asked:
            self._asked[listener] = asyncio.get_running_loop().create_future()
        answer = self._asked[listener]
        if self._reading is None or self._reading.done():
            # In nobody's name: neither the deadline nor the trace of whoever asked first is theirs.
            self._reading = asyncio.create_task(self._read(), context=Context())
        return await asyncio.shield(answer)

    async def last_position(self) -> int:
        async with self._database.questions() as connection:
            return await journal.last_position(connection)

    async def _read(self) -> None:
        """Answer all who have asked meanwhile, until nobody has."""
        while self._asked:
            listeners = list(islice(self._asked, AT_ONCE))
            answers = {listener: self._asked.pop(listener) for listener in listeners}
            try:
                async with self._database.questions() as connection:
                    found = await _news(connection, listeners)
            except Exception as error:  # noqa: BLE001 - those who asked raise it
                for answer in answers.values():
                    answer.set_exception(error)
                    answer.exception()  # nobody may be left to hear it
            else:
                for listener, answer in answers.items():
                    answer.set_result(found[listener])


async def _news(
    connection: AsyncConnection, listeners: Collection[Listener]
) -> dict[Listener, list[News]]:
    people, positions = zip(*listeners, strict=True)
    values = {"people": list(people), "positions": list(positions), "limit": PAGE}
    found: dict[Listener, list[News]] = {listener: [] for listener in listeners}
    for user_id, after, *news in await connection.execute(_NEWS, values):
        found[Listener(user_id, after)].append(News(*news))
    return found
