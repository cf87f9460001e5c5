"""Read tables that follow events."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.eventsourcing.event import Event, RecordedEvent

Handler = Callable[[AsyncConnection, Sequence[Any]], Awaitable[None]]
"""`async (connection, recorded events)`; the `event` of each is of a type the handler stands for.

Handlers name their tables without a schema: a rebuild points the search path at the shadow.
"""

History = Callable[[AsyncConnection, int], AsyncIterator[Sequence[RecordedEvent]]]
"""`(connection, after position) → pages of events` in position order."""


@dataclass(frozen=True)
class Projection:
    """Tables that are a function of events alone.

    Handlers get events in the order in which they were appended, as many at once as have the same
    handler. Where any order ends in the same rows (`any_order`), each handler gets all its events
    of a set at once, and handlers run in the order in which they are listed.
    """

    name: str
    tables: tuple[str, ...]
    handlers: Mapping[type[Event], Handler]
    any_order: bool = False

    async def apply(self, connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
        handled = [recorded for recorded in events if type(recorded.event) in self.handlers]
        if self.any_order:
            order = {handler: index for index, handler in enumerate(self.handlers.values())}
            handled.sort(key=lambda recorded: order[self._handler(recorded)])
        for handler, run in groupby(handled, self._handler):
            await handler(connection, list(run))

    def _handler(self, recorded: RecordedEvent) -> Handler:
        return self.handlers[type(recorded.event)]


async def execute_each(
    connection: AsyncConnection, statement: TextClause, values: Sequence[Mapping[str, Any]]
) -> None:
    """Run a statement once for each set of values, in their order, in one round trip.

    What comes later finds what came before, so that a row may be touched twice. A statement over
    arrays costs the same for sixteen rows, a third less for hundreds.
    """
    if values:
        await connection.execute(statement, list(values))
