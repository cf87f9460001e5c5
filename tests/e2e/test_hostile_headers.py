"""Bytes that no client library would send, over sockets, against the running product."""

import asyncio
from urllib.parse import urlsplit

import httpx2

from tests.e2e.conftest import Register
from tests.support.hostile import COUNT, Headers, Target, spoilt
from tests.support.product import Product

AT_ONCE = 8
SECONDS = 15  # a server has closed by then whatever never ends
PARTS = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.py"\r\n\r\nx = 1\r\n--b--\r\n'
)


async def test_no_bytes_lead_to_a_fault(product: Product, register: Register) -> None:
    ann = await register("ann.headers@example.com")
    await ann.upload("main.py", b"import os\n")
    file = f"/api/v1/files/{ann.files['main.py']}"
    targets = _targets(product, ann.http.headers["Authorization"], file)
    requests = iter(spoilt(targets, COUNT // 3))
    faults: list[tuple[bytes, str, Headers]] = []

    async def work() -> None:
        for target, headers in requests:
            begin = await _exchange(product, target, headers)
            if begin.startswith(b"HTTP/1.1 5"):
                faults.append((begin, target.path, headers))

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    assert not faults[:5], len(faults)
    async with httpx2.AsyncClient(base_url=product.url) as http:
        assert (await http.get("/readyz")).status_code == 200


def _targets(product: Product, token: str, file: str) -> list[Target]:
    host = (("host", urlsplit(product.url).netloc), ("connection", "close"))
    page = (*host, ("accept", "text/html"))
    robot = (*host, ("authorization", token))
    form = ("content-type", "application/x-www-form-urlencoded")
    upload, json = ("content-type", "multipart/form-data; boundary=b"), "application/json"
    return [
        Target("GET", "/login", page),
        Target("GET", "/", page),
        Target("POST", "/language", (*page, form), b"language=ru&next=/"),
        Target("POST", "/", (*page, upload), PARTS),
        Target("POST", "/api/v1/sessions/refresh", (*host, ("content-type", json)), b"{}"),
        Target("PATCH", "/api/v1/me", (*robot, ("content-type", json)), b'{"theme": "dark"}'),
        Target("PUT", f"{file}/content", (*robot, upload), PARTS),
        Target("GET", f"{file}/content", robot),
        Target("GET", f"{file}/checks", robot),
        Target("GET", "/api/openapi.json", host),
    ]


async def _exchange(product: Product, target: Target, headers: Headers) -> bytes:
    """The first bytes of the answer; none where the connection was closed instead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(product.url).port)
    lines = [f"{target.method} {target.path} HTTP/1.1".encode()]
    lines += [name + b": " + value for name, value in headers]
    if target.body and not any(name == b"content-length" for name, _ in headers):
        lines.append(b"content-length: %d" % len(target.body))
    try:
        writer.write(b"\r\n".join([*lines, b"", target.body]))
        writer.write_eof()
        async with asyncio.timeout(SECONDS):
            return await reader.read(300)
    except ConnectionError:
        return b""
    finally:
        writer.close()
