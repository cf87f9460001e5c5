"""The streams of many mails, read at once."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.mail import stream
from shared.eventsourcing.pages import COLUMNS, Row

_ROWS = f"""
SELECT {COLUMNS}, e.data::text AS data, e.metadata::text AS metadata
FROM events AS e WHERE stream_id = ANY(:streams) ORDER BY stream_id, version
"""  # noqa: S608 - no value is in it


async def rows_of(connection: AsyncConnection, mails: Collection[UUID]) -> Mapping[UUID, list[Row]]:
    """The events of each mail as rows, so that one which can't be read is no other mail's fault."""
    found: dict[str, list[Row]] = {stream(mail_id): [] for mail_id in mails}
    rows = await connection.execute(text(_ROWS), {"streams": list(found)})
    for row in rows.mappings():
        found[row["stream_id"]].append(Row(**row))
    return {mail_id: found[stream(mail_id)] for mail_id in mails}
