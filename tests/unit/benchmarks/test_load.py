import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes

import pytest

from benchmarks.load import hold, play, request, upload

Reply = Callable[[bytes], bytes]
OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
AWAY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 422 Unprocessable\r\ncontent-length: 3\r\n\r\nbad"


@asynccontextmanager
async def serving(reply: Reply, connections: list[int]) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while head := await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b"":
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            writer.write(reply(head + await reader.readexactly(length)))
            await asyncio.sleep(0.01)
            if reader.at_eof():
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_each_script_has_one_connection_that_is_kept() -> None:
    connections: list[int] = []
    asked = request("GET", "/", {})
    async with serving(lambda _: OK, connections) as port:
        load = await play(port, [[asked] * 3, [asked] * 2])
    assert (len(load.times), len(connections), load.refused) == (5, 2, 0)
    assert load.a_second == pytest.approx(5 / load.seconds)


async def test_what_was_refused_is_no_answer() -> None:
    replies = iter([OK, AWAY, OK])
    async with serving(lambda _: next(replies), []) as port:
        load = await play(port, [[request("GET", "/", {})] * 3])
    assert (len(load.times), load.refused) == (2, 1)


async def test_any_other_answer_ends_it() -> None:
    async with serving(lambda _: REFUSED, []) as port:
        with pytest.raises(AssertionError, match="422: b'bad'"):
            await play(port, [[request("GET", "/", {})]])


async def test_it_asks_until_the_time_is_over() -> None:
    async with serving(lambda _: OK, []) as port:
        load = await hold(port, request("GET", "/", {}), connections=2, seconds=0.2)
    assert len(load.times) >= 2
    assert load.seconds >= 0.2


def test_an_upload_is_a_form_with_the_bytes_as_they_are() -> None:
    content = b"x = 1\r\n--\r\n\xff"
    head, _, body = upload("/files", {"A": "b"}, "x.py", content).partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:])
    assert int(fields["Content-Length"]) == len(body)
    form = message_from_bytes(f"Content-Type: {fields['Content-Type']}\r\n\r\n".encode() + body)
    assert [part.get_filename() for part in form.walk()][1:] == ["x.py"]
    assert content in body
