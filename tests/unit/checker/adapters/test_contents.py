"""How contents are requested from files, and how its responses are read."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from services.checker.adapters.contents import HttpContents
from shared.web.client import ServiceClient, ServiceUnavailable, http_client
from tests.support.internal_routes import violations
from tests.support.keys import Keys

A, B = "a" * 64, "b" * 64


@asynccontextmanager
async def files_having(
    keys: Keys, answers: dict[str, str | None]
) -> AsyncIterator[tuple[HttpContents, list[list[str]]]]:
    """Files, which answers one content at a time, as if each filled an answer.

    It is checked against the routes of files.
    """
    asked: list[list[str]] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        wanted = json.loads(request.content)["sha256"]
        asked.append(wanted)
        found = {one: answers[one] for one in wanted[:1] if answers}
        response = httpx2.Response(200, json=found)
        assert not [*violations(request, response)]
        return response

    http = http_client(httpx2.MockTransport(handle))
    client = ServiceClient("files", "http://files", keys.identity("checker"), http)
    yield HttpContents(client), asked
    await client.close()


async def test_one_answer_is_taken_in_the_order_of_what_was_asked(keys: Keys) -> None:
    answers = {B: base64.b64encode(b"x = 1\n").decode(), A: None}
    async with files_having(keys, answers) as (contents, asked):
        assert await contents.fetch([B, A, B]) == {B: b"x = 1\n"}
        assert await contents.fetch([A]) == {A: None}
    assert asked == [[B, A], [A]]


async def test_an_answer_without_anything_is_none(keys: Keys) -> None:
    async with files_having(keys, {}) as (contents, _):
        with pytest.raises(ServiceUnavailable):
            await contents.fetch([A])
