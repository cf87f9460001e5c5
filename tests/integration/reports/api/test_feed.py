"""The feed as a response of the application."""

import asyncio
import json
from collections.abc import MutableMapping
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from services.reports.journal_listener import JournalListener
from tests.integration.conftest import Pools
from tests.integration.reports.harness import last_position, receive_batch
from tests.support.apps import as_user, client_of, is_problem
from tests.support.events import checked, uploaded
from tests.support.keys import Keys
from tests.support.waiting import eventually


class FeedClient:
    """Opens the feed and keeps what it receives."""

    def __init__(self, app: FastAPI, headers: dict[str, str]) -> None:
        self.status, self.text = 0, ""
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/internal/feed",
            "raw_path": b"/internal/feed",
            "query_string": b"",
            "headers": raw,
            "client": ("127.0.0.1", 1),
            "server": ("service", 80),
        }
        self.reading = asyncio.create_task(app(scope, self._receive, self._send))

    def messages(self) -> list[dict[str, str]]:
        blocks = [block for block in self.text.split("\n\n") if "data:" in block]
        return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]

    async def has(self, count: int) -> bool:
        return len(self.messages()) >= count

    async def _receive(self) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.text += message.get("body", b"").decode()


async def test_the_feed_through_the_application(app: FastAPI, keys: Keys, pools: Pools) -> None:
    ann, file_id = uuid4(), uuid4()
    await app.state.provided[JournalListener].step()
    last = await last_position(pools("reports"))
    await receive_batch(pools, uploaded(file_id, ann))
    feed = FeedClient(app, as_user(keys, ann) | {"Last-Event-ID": str(last)})
    await eventually(partial(feed.has, 1))
    await receive_batch(pools, checked(file_id, 1, ann))
    await eventually(partial(feed.has, 2))
    app.state.stopping.set()
    await asyncio.wait_for(feed.reading, 5)
    assert feed.status == 200
    first, second = feed.messages()
    assert (first["event"], second["event"]) == ("file", "check")
    assert json.loads(first["data"]) == {"type": "FileUploaded", "file_id": str(file_id)}
    assert int(second["id"]) > int(first["id"]) > last


@pytest.mark.parametrize("last", ["-1", "x", str(2**63), "1.5"])
async def test_garbage_as_the_last_event_is_invalid(app: FastAPI, keys: Keys, last: str) -> None:
    headers = as_user(keys, uuid4()) | {"Last-Event-ID": last}
    async with client_of(app, headers=headers) as client:
        assert is_problem(await client.get("/internal/feed"), 422, "invalid")


async def test_without_a_token_there_is_no_feed(app: FastAPI) -> None:
    async with client_of(app) as client:
        assert is_problem(await client.get("/internal/feed"), 401, "unauthenticated")
