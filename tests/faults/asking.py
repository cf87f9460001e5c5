"""One request of somebody, and what became of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import httpx2

from tests.faults.ledger import Ledger, Request, outcome_of

PATIENCE = httpx2.Timeout(40.0, connect=3.0)  # seconds; the gateway answers within 15


@dataclass
class Doors:
    """The gateways there are, one after the other."""

    urls: list[str]
    _turn: Iterator[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._turn = cycle(range(1000))

    def next(self) -> str:
        return self.urls[next(self._turn) % len(self.urls)]


@dataclass
class Asker:
    """Asks, and writes into the ledger what was answered. One request at a time."""

    doors: Doors
    ledger: Ledger
    http: httpx2.AsyncClient = field(
        default_factory=lambda: httpx2.AsyncClient(timeout=PATIENCE, follow_redirects=False)
    )

    async def ask(
        self, request: Request, method: str, path: str, **more: Any
    ) -> httpx2.Response | None:
        """The answer; None where there was none. A refused connection means: it was never sent."""
        self.ledger.begin(request)
        answer = None
        try:
            answer = await self.http.request(method, self.doors.next() + path, **more)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            request.outcome = "unavailable"
        except httpx2.HTTPError:
            request.outcome = "unknown"
        else:
            request.status, request.outcome = answer.status_code, outcome_of(answer.status_code)
            request.code = str(told(answer).get("code", ""))
        self.ledger.end(request)
        return answer

    async def look(self, path: str, **more: Any) -> httpx2.Response | None:
        """A GET, which changes nothing and is in no ledger; None for anything but a 200."""
        try:
            answer = await self.http.get(self.doors.next() + path, **more)
        except httpx2.HTTPError:
            return None
        return answer if answer.status_code == httpx2.codes.OK else None


def told(answer: httpx2.Response | None) -> dict[str, Any]:
    """The JSON object of an answer; empty for a page, and where there is none."""
    if answer is None or "json" not in answer.headers.get("content-type", ""):
        return {}
    body = answer.json()
    return body if isinstance(body, dict) else {}
