"""The export of a user's data, streamed while it is read from all services."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from fastapi.responses import StreamingResponse
from pydantic_core import from_json

from services.gateway.clients import AuthClient, FilesClient, ReportsClient
from services.gateway.downloads.export_readme import guide
from services.gateway.downloads.file_contents import stored_versions
from services.gateway.downloads.file_histories import PAGE, Folders, Histories, as_json, page_name
from services.gateway.downloads.zip_stream import MEDIA_TYPE, Entry, zipped
from services.gateway.http.content_disposition import attachment
from services.gateway.identity.renewing_user import RenewingUser
from shared.clock import utc_now
from shared.contracts.http.auth import Export
from shared.web.client import ServiceClient

COMPLETE = "complete.json"

Batches = AsyncIterator[list[Entry]]
Page = list[dict[str, Any]]


async def as_download(
    exports: "Exports",
    account: Export,
    bearer: RenewingUser,
    slot: AbstractAsyncContextManager[None],
) -> StreamingResponse:
    """The archive as a response. `account` was read before, so that auth's errors are raised."""
    await bearer.user()
    now = utc_now()
    name = f"prereview-{now:%Y-%m-%d}.zip"
    return StreamingResponse(
        zipped(exports.batches(account, bearer), now, slot),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": attachment(name)},
    )


class Exports:
    """Reads all data of a user from the services."""

    def __init__(self, auth: AuthClient, files: FilesClient, reports: ReportsClient) -> None:
        self._auth, self._files, self._reports = auth, files, reports

    async def batches(self, account: Export, bearer: RenewingUser) -> Batches:
        """All entries in batches; the last entry marks the archive as complete."""
        number = 0
        for part in (
            self._account(account, bearer),
            self._all_files(bearer),
            self._all_checks(bearer),
            _numbered("mails", self._pages(self._reports, bearer, "/internal/mails", "mails")),
        ):
            async for batch in part:
                number += len(batch)
                yield batch
        end = {"complete": True, "entries_before": number, "ended_at": utc_now()}
        yield [(COMPLETE, as_json(end))]

    async def _account(self, account: Export, bearer: RenewingUser) -> Batches:
        yield [
            ("README.txt", guide(account.account.language)),
            ("account.json", as_json(account.account.model_dump() | account.delivery.model_dump())),
            ("sessions.json", as_json(account.sessions)),
            ("devices.json", as_json(account.devices)),
            ("tokens.json", as_json(account.tokens)),
            ("account-mails.json", as_json(account.mails)),
        ]
        log = self._pages(self._auth, bearer, "/internal/me/security-log", "entries")
        async for batch in _numbered("security-log", log):
            yield batch

    async def _all_files(self, bearer: RenewingUser) -> Batches:
        """Every file once, even if it is changed, deleted or restored during the export.

        A changed file moves towards the end of the list and appears again; a deleted file is in
        the list of deleted ones; a restored file is found by reading the first list twice.
        """
        folders, seen, number = Folders(), set[str](), 0
        for mark in (None, "deleted", None):
            more = {"mark": mark, "sort": "uploaded_at"}
            async for page in self._pages(
                self._reports, bearer, "/internal/files", "files", **more
            ):
                files = [file for file in page if file["id"] not in seen]
                if not files and number:
                    continue
                seen.update(file["id"] for file in files)
                number += 1
                rows = [{**file, "folder": folders.of(file["name"])} for file in files]
                yield [(page_name("files", number), as_json(rows))]
                async for batch in self._histories(bearer, rows):
                    yield batch

    async def _histories(self, bearer: RenewingUser, files: Page) -> Batches:
        """The versions of files; erased files have none."""
        histories = Histories({file["id"]: file["folder"] for file in files})
        async for versions in stored_versions(self._files, bearer, [file["id"] for file in files]):
            yield histories.entries(versions)
        yield histories.flush()

    async def _all_checks(self, bearer: RenewingUser) -> Batches:
        async for page in self._pages(self._reports, bearer, "/internal/reports", "reports"):
            yield [(f"checks/{check['id']}.json", as_json(check)) for check in page]

    async def _pages(
        self, service: ServiceClient, bearer: RenewingUser, path: str, name: str, **more: Any
    ) -> AsyncIterator[Page]:
        """The pages of a list, one in memory at a time."""
        cursor = None
        while True:
            params = {"cursor": cursor, "limit": PAGE, **more}
            call = partial(service.as_user, method="GET", path=path, params=params)
            page = from_json((await bearer.call(call)).content)
            yield page[name]
            cursor = page["next_cursor"]
            if cursor is None:
                return


async def _numbered(name: str, pages: AsyncIterator[Page]) -> Batches:
    number = 0
    async for page in pages:
        number += 1
        yield [(page_name(name, number), as_json(page))]
