"""The page with the filtered list of files."""

import asyncio
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import Request, Response

from services.gateway.clients import CheckerClient, FileFilters, FilesClient, ReportsClient
from services.gateway.clients.files import Limits
from services.gateway.clients.optional import if_possible
from services.gateway.clients.reports import FilePage
from services.gateway.settings import Settings
from services.gateway.web.checks.schedule import seconds_to_next_run
from services.gateway.web.rendering import PageRenderer
from shared.contracts.files import Mark
from shared.contracts.http.reports import Sort
from shared.errors import Unavailable
from shared.web.identity import User

T = TypeVar("T")
Result = Literal["waiting", "ready", "not_ready", "failed"]


@dataclass(frozen=True)
class Filters:
    """The filters of a URL. Empty ones, as forms send them, do not filter."""

    q: str = ""
    mark: Mark | Literal[""] = ""
    result: Result | Literal[""] = ""
    sort: Sort | Literal[""] = ""
    cursor: str = ""

    def for_reports(self) -> FileFilters:
        return FileFilters(
            mark=self.mark or None,
            check=self.result if self.result in {"waiting", "failed"} else None,
            verdict=self.result if self.result in {"ready", "not_ready"} else None,
            q=self.q.strip() or None,
            sort=self.sort or None,
        )

    def narrow(self) -> bool:
        """Whether the filters leave files out."""
        return bool(self.q.strip() or self.result or self.mark in {"new", "replaced"})

    def address(self, **changes: str) -> str:
        """The URL of this list, with changes."""
        query = {name: value for name, value in (asdict(self) | changes).items() if value}
        return f"/?{urlencode(query, quote_via=quote)}" if query else "/"


@dataclass(frozen=True)
class ListScreen:
    """Renders the list of files."""

    pages: PageRenderer
    reports: ReportsClient
    files: FilesClient
    checker: CheckerClient
    settings: Settings

    async def show(
        self,
        request: Request,
        user: User,
        filters: Filters,
        after: UUID | None = None,
        status: int = 200,
        **more: Any,
    ) -> Response:
        """Render the page; without reports, the upload form is shown without the list."""
        size = self.settings.page_size
        cursor = filters.cursor or None
        page, limits, wait = await asyncio.gather(
            _unless_unavailable(
                self.reports.files(user, after, cursor, size, filters.for_reports())
            ),
            if_possible(self.files.limits(user)),
            seconds_to_next_run(self.checker, user),
        )
        values = {"notice": None, "added": 0, "same": 0, "outcomes": [], "replaces": True, **more}
        values |= {"page": page, "wait": wait, "limits": limits, "filters": filters}
        values["behind"] = _is_behind(page, limits)
        shown = status if page or status != 200 else Unavailable.status  # noqa: PLR2004
        template = "deleted.html" if filters.mark == "deleted" else "files.html"
        return self.pages.render(request, template, shown, **values)


def _is_behind(page: FilePage | None, limits: Limits | None) -> bool:
    """Whether the read model of reports lags behind files."""
    if page is None or limits is None or not (page.files_state and limits.files_state):
        return False  # unknown
    return page.files_state != limits.files_state


async def _unless_unavailable(call: Awaitable[T]) -> T | None:
    try:
        return await call
    except Unavailable:
        return None
