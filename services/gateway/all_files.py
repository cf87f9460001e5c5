"""All files of a person as one zip."""

from collections.abc import AsyncIterator
from uuid import UUID

from fastapi.responses import StreamingResponse

from services.gateway.archive import MEDIA_TYPE, zipped
from services.gateway.archive_names import comparable, fitting
from services.gateway.bearer import GONE, Bearer
from services.gateway.clients import Content, Files, Reports, Wanted
from services.gateway.clients.reports import MOST
from services.gateway.disposition import attachment
from services.gateway.models import FilePage
from shared.clock import utc_now
from shared.errors import DomainError

# A file that is changed meanwhile only moves on, and is met again; none is passed over.
_IN_ORDER = Wanted(sort="uploaded_at")


async def as_archive(bearer: Bearer, files: Files, reports: Reports) -> StreamingResponse:
    """Raises `Unavailable` while there is no list; later trouble breaks the download off."""
    first = await reports.files(await bearer.user(), None, None, MOST, _IN_ORDER)
    now = utc_now()
    headers = {"Content-Disposition": attachment(f"prereview-{now:%Y-%m-%d}.zip")}
    entries = _entries(bearer, files, reports, first)
    return StreamingResponse(zipped(entries, now), media_type=MEDIA_TYPE, headers=headers)


async def _entries(
    bearer: Bearer, files: Files, reports: Reports, page: FilePage
) -> AsyncIterator[tuple[str, bytes]]:
    seen: set[UUID] = set()
    taken: set[str] = set()
    while True:
        for file in page.files:
            if file.id in seen:
                continue
            seen.add(file.id)
            found = await _content(bearer, files, file.id)
            if found is None:
                continue
            # Names that differ in their case only may be one where they are unpacked. And two files
            # may have had a name one after the other while this archive was made.
            name = fitting(found.name)
            path = name if comparable(name) not in taken else f"{file.id}/{name}"
            taken.add(comparable(name))
            yield path, found.content
        if page.next_cursor is None:
            return
        page = await reports.files(await bearer.user(), None, page.next_cursor, MOST, _IN_ORDER)


async def _content(bearer: Bearer, files: Files, file_id: UUID) -> Content | None:
    """None once it is erased. A file deleted since the list was read still has its bytes."""
    try:
        return await files.content(await bearer.user(), file_id)
    except DomainError as error:
        if error.status not in GONE:
            raise
        return None
