"""The streams of many mails, read at once."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.mail import stream
from shared.eventsourcing.pages import Row
from shared.eventsourcing.store import EventStore


class InconsistentMail(Exception):
    """A mail's stream and its row contradict each other: nothing can be decided about the mail."""


async def rows_of(
    connection: AsyncConnection, store: EventStore, mails: Collection[UUID]
) -> Mapping[UUID, list[Row]]:
    """The events of each mail as rows, so that an unreadable one affects no other mail."""
    found: dict[str, list[Row]] = {stream(mail_id): [] for mail_id in mails}
    for row in await store.rows_of(connection, dict.fromkeys(found, 0)):
        found[row.stream_id].append(row)
    return {mail_id: found[stream(mail_id)] for mail_id in mails}
