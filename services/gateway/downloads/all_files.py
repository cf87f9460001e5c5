"""All files of a user as one zip."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from uuid import UUID

from fastapi.responses import StreamingResponse

from services.gateway.clients import FileFilters, FilesClient, ReportsClient
from services.gateway.clients.reports import MAX_PAGE_SIZE, FilePage
from services.gateway.downloads.archive_names import comparable, fitting
from services.gateway.downloads.file_contents import stored_versions
from services.gateway.downloads.zip_stream import MEDIA_TYPE, Entry, zipped
from services.gateway.http.content_disposition import attachment
from services.gateway.identity.renewing_user import RenewingUser
from shared.clock import utc_now

# A file changed during the download moves towards the end of this list, so none is missed.
_IN_ORDER = FileFilters(sort="uploaded_at")


async def as_archive(
    bearer: RenewingUser, files: FilesClient, reports: ReportsClient, steps: asyncio.Semaphore
) -> StreamingResponse:
    """Raises `Unavailable` if the list can't be read; later errors cut the download off."""
    first = await reports.files(await bearer.user(), None, None, MAX_PAGE_SIZE, _IN_ORDER)
    now = utc_now()
    headers = {"Content-Disposition": attachment(f"prereview-{now:%Y-%m-%d}.zip")}
    batches = _batches(bearer, files, reports, first)
    return StreamingResponse(zipped(batches, now, steps), media_type=MEDIA_TYPE, headers=headers)


async def _batches(
    bearer: RenewingUser, files: FilesClient, reports: ReportsClient, page: FilePage
) -> AsyncIterator[list[Entry]]:
    """Files deleted after the list was read are included, erased ones left out."""
    seen: set[UUID] = set()
    names = _Names()
    while True:
        ids = [file.id for file in page.files if file.id not in seen]
        seen.update(ids)
        async for some in stored_versions(files, bearer, [str(one) for one in ids], last=True):
            yield [
                (names.of(one["name"], one["file_id"]), one["content"])
                for one in some
                if one["content"] is not None
            ]
        if page.next_cursor is None:
            return
        call = partial(
            reports.files,
            after=None,
            cursor=page.next_cursor,
            limit=MAX_PAGE_SIZE,
            filters=_IN_ORDER,
        )
        page = await bearer.call(call)


class _Names:
    """A path per file: its name, in a folder of its own if the name is taken.

    Names that differ only in case are the same on some file systems, and two files can have had
    the same name one after the other while the archive was made.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, name: str, file_id: str) -> str:
        name = fitting(name)
        path = name if comparable(name) not in self._taken else f"{file_id}/{name}"
        self._taken.add(comparable(name))
        return path
