"""All files of a person as one zip."""

from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse

from services.gateway.archive import MEDIA_TYPE, zipped
from services.gateway.clients import Files, Reports, Wanted
from services.gateway.clients.reports import MOST
from services.gateway.disposition import attachment
from services.gateway.models import FilePage
from shared.clock import utc_now
from shared.errors import NotFound
from shared.web.identity import User

_BY_NAME = Wanted(sort="name")


async def as_archive(user: User, files: Files, reports: Reports) -> StreamingResponse:
    """Raises `Unavailable` while there is no list; later trouble breaks the download off."""
    first = await reports.files(user, None, None, MOST, _BY_NAME)
    now = utc_now()
    headers = {"Content-Disposition": attachment(f"prereview-{now:%Y-%m-%d}.zip")}
    entries = _entries(user, files, reports, first)
    return StreamingResponse(zipped(entries, now), media_type=MEDIA_TYPE, headers=headers)


async def _entries(
    user: User, files: Files, reports: Reports, page: FilePage
) -> AsyncIterator[tuple[str, bytes]]:
    taken: set[str] = set()
    while True:
        for file in page.files:
            try:
                found = await files.content(user, file.id)
            except NotFound:
                continue  # deleted since the list was read
            # Renamed since the list was read: two may have had one name after the other.
            yield (
                (found.name if found.name not in taken else f"{file.id}/{found.name}"),
                found.content,
            )
            taken.add(found.name)
        if page.next_cursor is None:
            return
        page = await reports.files(user, None, page.next_cursor, MOST, _BY_NAME)
