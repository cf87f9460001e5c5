"""Talk to an application without a socket."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx2
from fastapi import FastAPI

from tests.support.keys import Keys


def common_settings(service: str, keys: Keys) -> dict[str, Any]:
    """What every service's `Settings` need; nobody listens at the broker's address."""
    return {
        "signing_key": keys.private[service],
        "jwks_file": keys.jwks_file,
        "log_level": "CRITICAL",
        "amqp_url": "amqp://nobody@127.0.0.1:1/",
    }


@asynccontextmanager
async def client_of(
    app: FastAPI, *, headers: dict[str, str] | None = None
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that sees what a network client would see, also of failures."""
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://service", headers=headers
    ) as client:
        yield client


def as_user(keys: Keys, user_id: UUID, session_id: UUID | None = None) -> dict[str, str]:
    token = keys.identity("auth").sign_user(user_id, session_id or uuid4())
    return {"Authorization": f"Bearer {token}"}


def as_service(keys: Keys, caller: str, callee: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {keys.identity(caller).sign_service(callee)}"}


async def in_pieces(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A body sent piece by piece, without a `Content-Length`."""
    for piece in pieces:
        yield piece


def is_problem(answer: httpx2.Response, status: int, code: str) -> bool:
    """Whether an answer is the problem it should be, in every part that clients rely on."""
    body = answer.json()
    assert answer.status_code == status, (answer.status_code, body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["code"] == code, body
    assert body["status"] == status
    assert body["type"] == f"urn:prereview:problem:{code}"
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["title"]
    assert body["detail"]
    return True


@asynccontextmanager
async def without_loops(app: FastAPI) -> AsyncIterator[FastAPI]:
    """The application as its routes see it; nothing runs beside them. Closed at the end."""
    yield app
    for thing in app.state.provided.values():
        if callable(close := getattr(thing, "close", None)):
            await close()
