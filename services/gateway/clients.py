"""What the gateway asks of each service."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote
from uuid import UUID

import httpx2

from services.gateway.calls import Service
from services.gateway.models import (
    Account,
    Check,
    CheckPage,
    File,
    FilePage,
    Saved,
    Schedule,
    Tokens,
)
from shared.contracts.auth import Language
from shared.errors import NotFound
from shared.web.identity import User

_BCRYPT = httpx2.Timeout(15.0, connect=2.0)  # seconds; hashing waits its turn
_QUICK = httpx2.Timeout(1.0)


class Auth(Service):
    """Accounts and sessions."""

    async def register(self, email: str, password: str, language: Language) -> None:
        body = {"email": email, "password": password, "language": language}
        await self.as_gateway("POST", "/internal/users", json=body, timeout=_BCRYPT)

    async def log_in(self, email: str, password: str, kind: Literal["web", "api"]) -> Tokens:
        body = {"email": email, "password": password, "kind": kind}
        answer = await self.as_gateway("POST", "/internal/sessions", json=body, timeout=_BCRYPT)
        return Tokens.model_validate_json(answer.content)

    async def refresh(self, token: str) -> Tokens:
        """The next pair of tokens of an API session."""
        answer = await self.as_gateway("POST", "/internal/sessions/refresh", json={"token": token})
        return Tokens.model_validate_json(answer.content)

    async def access(self, token: str) -> Tokens:
        """A fresh access token of a web session."""
        answer = await self.as_gateway("POST", "/internal/sessions/access", json={"token": token})
        return Tokens.model_validate_json(answer.content)

    async def is_alive(self, session_id: UUID) -> bool:
        try:
            await self.as_gateway("GET", f"/internal/sessions/{session_id}", timeout=_QUICK)
        except NotFound:
            return False
        return True

    async def log_out(self, user: User) -> None:
        await self.as_user(user, "DELETE", "/internal/sessions/current")

    async def me(self, user: User) -> Account:
        answer = await self.as_user(user, "GET", "/internal/me")
        return Account.model_validate_json(answer.content)


@dataclass(frozen=True)
class Content:
    """The bytes of a version."""

    name: str
    version: int
    content: bytes


class Files(Service):
    """Commands on files, and their bytes."""

    async def upload(self, user: User, name: str, content: bytes) -> Saved:
        answer = await self.as_user(
            user, "POST", "/internal/files", params={"name": name}, content=content
        )
        return Saved.model_validate_json(answer.content)

    async def replace(self, user: User, file_id: UUID, name: str, content: bytes) -> Saved:
        path = f"/internal/files/{file_id}/content"
        answer = await self.as_user(user, "PUT", path, params={"name": name}, content=content)
        return Saved.model_validate_json(answer.content)

    async def delete(self, user: User, file_id: UUID) -> Saved:
        answer = await self.as_user(user, "DELETE", f"/internal/files/{file_id}")
        return Saved.model_validate_json(answer.content)

    async def content(self, user: User, file_id: UUID, version: int | None = None) -> Content:
        path = f"/internal/files/{file_id}/content"
        answer = await self.as_user(user, "GET", path, params={"version": version})
        name = unquote(answer.headers["X-File-Name"])
        return Content(name, int(answer.headers["X-File-Version"]), answer.content)


class Checker(Service):
    """The schedule."""

    async def schedule(self, user: User) -> Schedule:
        answer = await self.as_user(user, "GET", "/internal/schedule", timeout=_QUICK)
        return Schedule.model_validate_json(answer.content)


class Reports(Service):
    """Lists and reports. With `after` an answer waits until that event is in it, up to 1 s."""

    async def files(
        self, user: User, after: UUID | None, cursor: str | None, limit: int
    ) -> FilePage:
        asked = {"after": after, "cursor": cursor, "limit": limit}
        answer = await self.as_user(user, "GET", "/internal/files", params=asked)
        return FilePage.model_validate_json(answer.content)

    async def file(self, user: User, file_id: UUID, after: UUID | None = None) -> File:
        path = f"/internal/files/{file_id}"
        answer = await self.as_user(user, "GET", path, params={"after": after})
        return File.model_validate_json(answer.content)

    async def file_checks(self, user: User, file_id: UUID) -> CheckPage:
        answer = await self.as_user(user, "GET", f"/internal/files/{file_id}/checks")
        return CheckPage.model_validate_json(answer.content)

    async def checks(self, user: User, cursor: str | None, limit: int) -> CheckPage:
        asked = {"cursor": cursor, "limit": limit}
        answer = await self.as_user(user, "GET", "/internal/checks", params=asked)
        return CheckPage.model_validate_json(answer.content)

    async def check(self, user: User, check_id: UUID) -> Check:
        answer = await self.as_user(user, "GET", f"/internal/checks/{check_id}")
        return Check.model_validate_json(answer.content)

    async def feed(self, user: User, last_event_id: str) -> httpx2.Response:
        """The event stream; whoever opens it closes it."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        return await self.open_stream(user, "/internal/feed", headers)
