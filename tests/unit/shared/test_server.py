"""Connections that take their time."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI, Request

from shared.web import server

PATIENCE = 5.0  # seconds after which the server would never have acted by itself


@pytest_asyncio.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server that gives headers a third of a second."""
    monkeypatch.setattr(server, "HEADERS", 0.3)
    app = FastAPI()

    @app.post("/slow")
    async def slow(request: Request) -> int:
        return len(await request.body())

    config = uvicorn.Config(
        app, port=0, http=server.Protocol, ws="none", log_config=None, timeout_keep_alive=60
    )
    running = uvicorn.Server(config)
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
