"""The client of reports."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import httpx2
from pydantic import Field

from services.gateway.clients.circuit_breaker import CircuitBreaker
from services.gateway.clients.ttl_cache import TtlCache
from shared.contracts.checker import Verdict
from shared.contracts.files import Mark
from shared.contracts.http import reports as contract
from shared.contracts.http.reports import CheckPage, CheckState, File, Report, Sort
from shared.web.client import ServiceClient, read
from shared.web.files_state import FILES_STATE
from shared.web.identity import Identity, User

MAX_PAGE_SIZE = 200  # rows of a page
BRIEF_TIMEOUT = httpx2.Timeout(0.25)  # seconds
LAST_CHANGE_TTL = 10.0  # seconds for which a user's reads wait for their last change


class FilePage(contract.FilePage):
    """A page of the file list, and the state of the user's files."""

    files_state: str = Field("", exclude=True, description="see `shared.web.files_state`")


@dataclass(frozen=True)
class FileFilters:
    """Filters of the file list. Deleted files are only listed by `mark`."""

    mark: Mark | None = None
    check: CheckState | None = None
    verdict: Verdict | None = None
    q: str | None = None
    sort: Sort | None = None


class ReportsClient(ServiceClient):
    """Lists and reports. A read waits up to 1 s until the read model includes the event `after`.

    Without `after` it waits for the user's last change that this process has recorded, so that
    reads wait for the read model, and commands do not.
    """

    def __init__(self, url: str, identity: Identity, http: httpx2.AsyncClient) -> None:
        super().__init__("reports", url, identity, http)
        self._breaker = CircuitBreaker()
        self._changes = TtlCache[UUID, UUID]()

    def record_change(self, user: User, event_id: UUID | None) -> None:
        """Remember the event of the user's last change; None if nothing changed."""
        if event_id is not None:
            self._changes.set(user.user_id, event_id, LAST_CHANGE_TTL)

    async def files(
        self,
        user: User,
        after: UUID | None,
        cursor: str | None,
        limit: int,
        filters: FileFilters = FileFilters(),
    ) -> FilePage:
        params = {"after": after, "cursor": cursor, "limit": limit, **asdict(filters)}
        answer = await self._read(user, "/internal/files", params)
        page = read(FilePage, answer)
        page.files_state = answer.headers.get(FILES_STATE, "")
        return page

    async def file(self, user: User, file_id: UUID, after: UUID | None = None) -> File:
        path = f"/internal/files/{file_id}"
        answer = await self._read(user, path, {"after": after})
        return read(File, answer)

    async def file_if_quick(self, user: User, file_id: UUID) -> File | None:
        """The file without waiting for events, or None if reports does not answer in time."""

        async def fetch() -> File:
            path = f"/internal/files/{file_id}"
            return read(File, await self.as_user(user, "GET", path, timeout=BRIEF_TIMEOUT))

        return await self._breaker.call(fetch)

    async def file_checks(
        self, user: User, file_id: UUID, cursor: str | None = None, limit: int = 50
    ) -> CheckPage:
        params = {"cursor": cursor, "limit": limit}
        path = f"/internal/files/{file_id}/checks"
        answer = await self._read(user, path, params)
        return read(CheckPage, answer)

    async def checks(
        self, user: User, cursor: str | None, limit: int, file_id: UUID | None = None
    ) -> CheckPage:
        params = {"cursor": cursor, "limit": limit, "file_id": file_id}
        answer = await self._read(user, "/internal/checks", params)
        return read(CheckPage, answer)

    async def check(self, user: User, check_id: UUID) -> Report:
        answer = await self.as_user(user, "GET", f"/internal/checks/{check_id}")
        return read(Report, answer)

    async def feed(self, user: User, last_event_id: str) -> httpx2.Response:
        """The event stream; the caller closes it."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        return await self.open_stream(user, "/internal/feed", headers)

    async def _read(self, user: User, path: str, params: dict[str, Any]) -> httpx2.Response:
        after = params.get("after") or self._changes.get(user.user_id)
        return await self.as_user(user, "GET", path, params=params | {"after": after})
