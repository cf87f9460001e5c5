"""Everything kept of a person, gathered from all services while it is sent."""

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse

from services.gateway.archive import MEDIA_TYPE, zipped
from services.gateway.archive_names import comparable, fitting
from services.gateway.bearer import GONE, Bearer, Fresh
from services.gateway.calls import Service
from services.gateway.clients import Auth, Files, Reports
from services.gateway.clients.files import COMPARING
from services.gateway.disposition import attachment
from services.gateway.export_guide import guide
from services.gateway.models import Export
from shared.clock import utc_now
from shared.errors import DomainError

PAGE = 100  # rows asked for at once
_NUMBER = 12  # bytes for the number behind the name of a folder

Entry = tuple[str, bytes]
Page = list[dict[str, Any]]


def as_download(exports: "Exports", account: Export, fresh: Fresh) -> StreamingResponse:
    """The archive as an answer. What auth keeps comes first, so that its refusals can be told."""
    now = utc_now()
    name = f"prereview-{now:%Y-%m-%d}.zip"
    return StreamingResponse(
        zipped(exports.entries(account, Bearer(fresh)), now),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": attachment(name)},
    )


class Exports:
    """Reads what the services keep, as they tell it."""

    def __init__(self, auth: Auth, files: Files, reports: Reports) -> None:
        self._auth, self._files, self._reports = auth, files, reports

    async def entries(self, account: Export, bearer: Bearer) -> AsyncIterator[Entry]:
        yield "README.txt", guide(account.account["language"])
        yield "account.json", _json(account.account | account.delivery)
        yield "sessions.json", _json(account.sessions)
        yield "devices.json", _json(account.devices)
        yield "tokens.json", _json(account.tokens)
        yield "account-mails.json", _json(account.mails)
        log = self._pages(self._auth, bearer, "/internal/me/security-log", "entries")
        async for entry in _numbered("security-log", log):
            yield entry
        async for entry in self._all_files(bearer):
            yield entry
        async for entry in self._all_checks(bearer):
            yield entry
        mails = self._pages(self._reports, bearer, "/internal/mails", "mails")
        async for entry in _numbered("mails", mails):
            yield entry

    async def _all_files(self, bearer: Bearer) -> AsyncIterator[Entry]:
        """Also what is changed, deleted or restored meanwhile, each once.

        A changed file moves on in the list and is met again; a deleted one comes with the deleted
        ones, and a restored one with the second look at the others.
        """
        folders, seen, number = _Folders(), set[str](), 0
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
                told = [{**file, "folder": folders.of(file["name"])} for file in files]
                yield _page_name("files", number), _json(told)
                for file in told:
                    async for entry in self._file(bearer, file["id"], file["folder"]):
                        yield entry

    async def _file(self, bearer: Bearer, file_id: str, folder: str) -> AsyncIterator[Entry]:
        """Its versions, as far as it still has any."""
        number = 0
        try:
            async for page in self._versions(bearer, file_id):
                number += 1
                yield _page_name(f"{folder}/versions", number), _json(page)
                async for entry in self._contents(bearer, file_id, folder, page):
                    yield entry
        except DomainError as error:
            if error.status not in GONE:
                raise

    async def _contents(
        self, bearer: Bearer, file_id: str, folder: str, versions: Page
    ) -> AsyncIterator[Entry]:
        """The bytes of every version that still has some."""
        for version in versions:
            if version["available"]:
                user = await bearer.user()
                path = f"/internal/files/{file_id}/content"
                asked = {"version": version["version"]}
                try:
                    answer = await self._files.as_user(user, "GET", path, params=asked)
                except DomainError as error:
                    if error.status not in GONE:
                        raise
                    continue
                number = f"v{version['version']}-"
                name = fitting(version["name"], len(number))
                yield f"{folder}/{number}{name}", answer.content

    async def _versions(self, bearer: Bearer, file_id: str) -> AsyncIterator[Page]:
        before = None
        path = f"/internal/files/{file_id}/versions"
        while True:
            asked = {"before": before, "limit": PAGE}
            answer = await self._files.as_user(
                await bearer.user(), "GET", path, params=asked, timeout=COMPARING
            )
            page = answer.json()
            yield page["versions"]
            before = page["next_before"]
            if before is None:
                return

    async def _all_checks(self, bearer: Bearer) -> AsyncIterator[Entry]:
        async for page in self._pages(self._reports, bearer, "/internal/checks", "checks"):
            for check in page:
                path = f"/internal/checks/{check['id']}"
                answer = await self._reports.as_user(await bearer.user(), "GET", path)
                yield f"checks/{check['id']}.json", _json(answer.json())

    async def _pages(
        self, service: Service, bearer: Bearer, path: str, name: str, **more: Any
    ) -> AsyncIterator[Page]:
        """A list of a service; no more than a page of it is in memory."""
        cursor = None
        while True:
            asked = {"cursor": cursor, "limit": PAGE, **more}
            answer = await service.as_user(await bearer.user(), "GET", path, params=asked)
            page = answer.json()
            yield page[name]
            cursor = page["next_cursor"]
            if cursor is None:
                return


class _Folders:
    """One folder per file: its name, with a number where others had that name before."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, name: str) -> str:
        """A name that goes on with a number is never a file's: those end in `.py`."""
        same = comparable(fitting(name, _NUMBER))
        number = self._numbers[same] = self._numbers.get(same, 0) + 1
        again = f" ({number})" if number > 1 else ""
        return f"files/{fitting(name, len(again))}{again}"


async def _numbered(name: str, pages: AsyncIterator[Page]) -> AsyncIterator[Entry]:
    number = 0
    async for page in pages:
        number += 1
        yield _page_name(name, number), _json(page)


def _page_name(name: str, number: int) -> str:
    """`mails.json`, `mails-2.json`, …: one for each page."""
    return f"{name}.json" if number == 1 else f"{name}-{number}.json"


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=2).encode()
