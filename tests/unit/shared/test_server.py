"""Connections that take their time."""

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar

import httpx2
import pytest
import pytest_asyncio
import uvicorn
from fastapi import Request

from services.gateway.http import middleware
from shared.settings import Settings
from shared.web import server
from shared.web.app import create_app
from tests.support.apps import common_settings
from tests.support.keys import Keys

LEFT: ContextVar[str] = ContextVar("left", default="nothing")
PATIENCE = 5.0  # seconds after which the server would never have acted by itself


class QuickProtocol(server.Protocol):
    headers_seconds = 0.3


@pytest_asyncio.fixture(scope="module")
async def port(keys: Keys) -> AsyncIterator[int]:
    """The port of a server that waits 0.3 s for headers and 0.9 s for each chunk of a body."""
    app = create_app("files", Settings(**common_settings("files", keys)), [])
    app.add_middleware(middleware.SlowBodies, chunk_seconds=0.9)

    @app.post("/slow")
    async def slow(request: Request) -> int:
        return len(await request.body())

    @app.post("/work", max_body_size=1_000_000)
    async def work(request: Request) -> int:
        """Something this long is read in parts: the connection is paused, and goes on from here."""
        LEFT.set("something")
        await asyncio.sleep(0.1)
        return len(await request.body())

    @app.get("/left")
    async def left() -> str:
        return LEFT.get()

    @app.get("/caller")
    async def caller(request: Request) -> str:
        return request.client.host if request.client else ""

    running = uvicorn.Server(server.configuration(app, "127.0.0.1", 0, protocol=QuickProtocol))
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    yield running.servers[0].sockets[0].getsockname()[1]
    running.should_exit = True
    await task


@pytest.mark.parametrize("begun", [b"", b"POST /slow HTTP/1.1\r\nHost: x\r\nX-Part: "])
async def test_headers_that_never_end_end_the_connection(port: int, begun: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begun)
    async with asyncio.timeout(PATIENCE):
        assert await reader.read() == b""
    writer.close()


async def test_headers_that_drip_end_the_connection_too(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ended = asyncio.create_task(reader.read())
    writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\nX-Part: ")
    async with asyncio.timeout(PATIENCE):
        while not ended.done():
            writer.write(b"x")
            await asyncio.sleep(0.05)
    writer.close()


@pytest.mark.parametrize("size", [100_000, 200_000])
async def test_headers_that_are_too_many_are_told_so(port: int, size: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ")
    for _ in range(10):
        writer.write(b"x" * (size // 10))
        await writer.drain()
        await asyncio.sleep(0.01)
    writer.write(b"\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_a_request_knows_nothing_of_the_one_before_it_on_its_connection(port: int) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for size in (10, 500_000, 10):
            assert (await client.post("/work", content=b"x" * size)).json() == size
            assert (await client.get("/left")).json() == "nothing"


async def test_nobody_on_this_machine_is_believed_who_they_call_for(port: int) -> None:
    async with httpx2.AsyncClient() as http:
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
            headers = {name: "203.0.113.7"}
            answer = await http.get(f"http://127.0.0.1:{port}/caller", headers=headers)
            assert answer.json() == "127.0.0.1"


async def test_a_body_that_stalls_ends_the_connection(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\na")
    async with asyncio.timeout(PATIENCE):
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_headers_of_a_second_request_have_no_more_time(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
    writer.write(request + b"ab")
    assert b"200 OK" in await reader.readuntil(b"\r\n")
    await asyncio.sleep(0.5)  # a rest between two requests is no fault
    writer.write(request + b"ab")
    await reader.readuntil(b"200 OK\r\n")
    await asyncio.sleep(0.1)
    writer.write(b"POST /slow HTTP")
    async with asyncio.timeout(PATIENCE):
        await reader.read()
    writer.close()


async def test_a_body_may_take_longer_than_headers(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\na"
    )
    await asyncio.sleep(0.6)
    writer.write(b"b")
    assert b"200 OK" in await reader.read()
    writer.close()
