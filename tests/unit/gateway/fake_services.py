"""Fakes of the other services: responses by method and path, and builders of their bodies."""

import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2

from shared.contracts.auth import Scope
from shared.contracts.checker import Counts
from shared.web.identity import Identity
from tests.support import internal_routes

Answer = Callable[[httpx2.Request], httpx2.Response]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EVENT = UUID(int=7)


def answer(status: int = 200, body: Any = None, **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, bytes):
        return lambda _: httpx2.Response(status, content=body, headers=names)
    content = b"" if body is None else json.dumps(body, default=str).encode()
    return lambda _: httpx2.Response(status, content=content, headers=names)


def refusal(status: int, code: str, **params: Any) -> Answer:
    return answer(status, {"status": status, "code": code, "params": params})


def unreachable(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused", request=request)


def stream(*chunks: bytes) -> Answer:
    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return lambda _: httpx2.Response(200, content=body())


class Network(httpx2.AsyncBaseTransport):
    """The transport of the gateway's calls to services; tests may replace `transport`."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self.transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self.transport.handle_async_request(request)


class Services:
    """Fake services that record calls. Calls without a route fail like refused connections."""

    def __init__(self, auth: Identity) -> None:
        self._auth = auth
        self.user_id, self.session_id = uuid4(), uuid4()
        self.preferences: dict[str, str] | None = None
        self.calls: list[httpx2.Request] = []
        self.violations: list[str] = []  # of the internal contracts
        self._routes: dict[str, Answer] = {}
        self.on("auth POST /internal/sessions", self._log_in)
        self.on("auth POST /internal/sessions/access", answer(200, self.tokens(token=None)))
        self.on("auth GET /internal/sessions/.*", answer(204))
        self.on("auth DELETE /internal/sessions/current", answer(204))
        self.on("auth GET /internal/me", answer(200, account()))
        self.on("auth GET /internal/me/second-factor", answer(200, factor()))
        self.on("reports GET /internal/files", answer(200, {"files": []}))
        self.on("reports GET /internal/checks", answer(200, {"checks": []}))
        self.on("files GET /internal/files/[^/]*", answer(200, stored()))
        self.on("files GET /internal/limits", answer(200, limits()))
        self.on("checker GET /internal/schedule", answer(200, schedule()))

    def on(self, route: str, reply: Answer) -> None:
        """Answer calls that match `service METHOD path-pattern` with `reply`."""
        self._routes[route] = reply

    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self._handle)

    def tokens(self, token: str | None = "opaque-session") -> dict[str, Any]:
        return {
            "session_id": self.session_id,
            "user_id": self.user_id,
            "access_token": self.access_token(),
            "expires_in": 600,
            "token": token,
            "preferences": self.preferences,
        }

    def access_token(self) -> str:
        return self._auth.sign_user(self.user_id, self.session_id)

    def limited_token(self, *scopes: Scope) -> str:
        return self._auth.sign_user(self.user_id, uuid4(), scopes)

    def called(self, pattern: str) -> list[httpx2.Request]:
        return [call for call in self.calls if re.fullmatch(pattern, _name(call))]

    def _log_in(self, request: httpx2.Request) -> httpx2.Response:
        return answer(201, self.tokens())(request)

    async def _handle(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.calls.append(request)
        for route, reply in reversed(self._routes.items()):
            if re.fullmatch(route, _name(request)):
                return self._checked(request, reply(request))
        return unreachable(request)

    def _checked(self, request: httpx2.Request, reply: httpx2.Response) -> httpx2.Response:
        """The reply, after checking it and the request against the internal contracts."""
        self.violations += internal_routes.violations(request, reply)
        return reply


def _name(request: httpx2.Request) -> str:
    return f"{request.url.host} {request.method} {request.url.path}"


def schedule(seconds: float = 45) -> dict[str, Any]:
    next_run = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"interval_seconds": 60, "next_run_at": next_run}


def account(**changes: Any) -> dict[str, Any]:
    return {
        "user_id": UUID(int=3),
        "email": "ann@example.org",
        "email_confirmed": True,
        "pending_email": None,
        "language": "en",
        "time_zone": "auto",
        "theme": "auto",
        "mail_on_new_device": True,
        "created_at": NOW,
        **changes,
    }


def factor(**changes: Any) -> dict[str, Any]:
    """The second factor, not set up."""
    return {"enabled_at": None, "recovery_codes_left": 0, **changes}


def session(**changes: Any) -> dict[str, Any]:
    return {
        "id": UUID(int=4),
        "kind": "web",
        "device": "Firefox on Linux",
        "address": "203.0.113.7",
        "created_at": NOW - timedelta(days=3),
        "last_used_at": NOW,
        "current": False,
        **changes,
    }


def export(**changes: Any) -> dict[str, Any]:
    """Auth's part of an export."""
    place = {name: value for name, value in session().items() if name != "current"}
    address = "ann@example.org"
    mail = {"email": address, "ascii_email": address, "details": {}, "requested_at": NOW}
    return {
        "account": account(second_factor=factor()),
        "delivery": {"ascii_email": address, "pending_ascii_email": None},
        "sessions": [{**place, "ended_at": None}],
        "devices": [{"first_seen_at": NOW, "last_seen_at": NOW}],
        "tokens": [api_token()],
        "mails": [{**mail, "kind": "confirm_email", "expires_at": NOW, "used_at": None}],
        **changes,
    }


def mail_record(**changes: Any) -> dict[str, Any]:
    """A mail in the mail log."""
    about = {"mail_id": uuid4(), "kind": "check_result", "check_id": UUID(int=1), "queued_at": NOW}
    return {**mail(), **about, **changes}


def api_token(**changes: Any) -> dict[str, Any]:
    return {
        "id": UUID(int=5),
        "name": "build",
        "scopes": ["files:read", "checks:read"],
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=90),
        "last_used_at": None,
        "hint": "k3Fq",
        **changes,
    }


def security_entry(**changes: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "at": NOW,
        "kind": "signed_in",
        "device": "Firefox on Linux",
        "address": "203.0.113.7",
        "times": 1,
        **changes,
    }


def counts(**given: int) -> dict[str, int]:
    return dict.fromkeys(Counts.model_fields, 0) | given


def summary(**changes: Any) -> dict[str, Any]:
    return {
        "id": UUID(int=1),
        "file_id": UUID(int=2),
        "file_name": "main.py",
        "version": 1,
        "outcome": "findings",
        "verdict": "not_ready",
        "counts": counts(blocker=1, note=2, total=3, new=3),
        "checked_at": NOW,
        "mail": mail(),
        **changes,
    }


def mail(**changes: Any) -> dict[str, Any]:
    return {"state": "sent", "attempts": 1, "sent_at": NOW, "reply": "250 Ok", **changes}


def file(**changes: Any) -> dict[str, Any]:
    return {
        "id": UUID(int=2),
        "name": "main.py",
        "version": 1,
        "mark": "new",
        "check": "checked",
        "size": 2150,
        "sha256": "a" * 64,
        "uploaded_at": NOW,
        "last_check": summary(),
        **changes,
    }


def finding(**changes: Any) -> dict[str, Any]:
    return {
        "code": "F401",
        "name": "unused-import",
        "tier": "warning",
        "message": "`os` imported but unused",
        "row": 1,
        "column": 8,
        "end_row": 1,
        "end_column": 10,
        "url": "https://docs.astral.sh/ruff/rules/unused-import",
        "fingerprint": "f" * 16,
        "change": "new",
        "fix": "Remove unused import",
        **changes,
    }


def report(**changes: Any) -> dict[str, Any]:
    return {
        **summary(),
        "sha256": "a" * 64,
        "engine": "ruff 0.17.6",
        "profile": "standard",
        "started_at": NOW,
        "duration_ms": 31,
        "reason": None,
        "truncated": False,
        "findings": [finding()],
        "fixed": [],
        **changes,
    }


def limits(**changes: Any) -> dict[str, Any]:
    return {
        "files": {"used": 12, "limit": 1000},
        "bytes": {"used": 3_250_586, "limit": 200 * 1024 * 1024},
        "uploads": {"left": 58, "limit": 60, "window_seconds": 60, "retry_after": 0},
        **changes,
    }


def saved(**changes: Any) -> dict[str, Any]:
    return {
        "file_id": file()["id"],
        "name": "main.py",
        "version": 1,
        "size": 1,
        "sha256": "b" * 64,
        "saved_at": NOW,
        "event_id": EVENT,
        "unchanged": False,
        "mark": "new",
        "limits": limits(),
        **changes,
    }


def stored(**changes: Any) -> dict[str, Any]:
    return {
        "file_id": file()["id"],
        "name": "main.py",
        "version": 1,
        "mark": "new",
        "size": 1,
        "sha256": "b" * 64,
        "saved_at": NOW,
        "deleted_at": None,
        "erased": False,
        **changes,
    }


def version(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "version": number,
        "name": "main.py",
        "size": 100 * number,
        "sha256": "c" * 64,
        "saved_at": NOW,
        "author": UUID(int=3),
        "lines_added": 2,
        "lines_removed": 1,
        "available": True,
        **changes,
    }


def line(kind: str, text: str, old: int | None = None, new: int | None = None) -> dict[str, Any]:
    return {"kind": kind, "old": old, "new": new, "text": text}


def diff(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A diff of one hunk; by default one line is replaced by another."""
    changed = [
        line("same", "def f(x):", 1, 1),
        line("removed", "    return x", 2),
        line("added", "    return x + <1>", None, 2),
    ]
    hunk = {"old_start": 1, "old_lines": 2, "new_start": 1, "new_lines": 2}
    return {
        "from": 1,
        "to": 2,
        "added": 1,
        "removed": 1,
        "identical": False,
        "truncated": False,
        "note": None,
        "hunks": [{**hunk, "lines": list(lines) or changed}],
        **changes,
    }


def content(text: bytes, number: int = 1, name: str = "main.py") -> Answer:
    return answer(200, text, X_File_Name=name, X_File_Version=str(number))


def versions(*rows: dict[str, Any]) -> Answer:
    """Answers with stored versions, made by `stored_version`; one per response, to test paging."""

    def respond(request: httpx2.Request) -> httpx2.Response:
        query = json.loads(request.content)
        found = []
        for number, file_id in enumerate(query["files"]):
            before = query.get("before", 2**31) if number == 0 else 2**31
            of_file = [v for v in rows if v["file_id"] == file_id and v["version"] < before]
            found += of_file[:1] if query["last"] else of_file
        return answer(200, {"versions": found[:1], "more": len(found) > 1})(request)

    return respond


def stored_version(
    file_id: UUID, number: int, name: str, content: bytes | None = b""
) -> dict[str, Any]:
    """A version with its content; None if it was erased."""
    more = {key: value for key, value in version(number).items() if not key.startswith("lines_")}
    return {
        **more,
        "file_id": str(file_id),
        "name": name,
        "available": content is not None,
        "content": None if content is None else base64.b64encode(content).decode(),
    }


def link(services: Services, **changes: Any) -> dict[str, Any]:
    """A valid mailed link of the user."""
    found = {"kind": "confirm_email", "user_id": services.user_id, "registered_here": False}
    return found | changes
