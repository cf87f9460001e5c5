"""Five hundred requests at the same moment."""

import asyncio
from collections import Counter

import httpx2

from tests.e2e.conftest import Register


async def test_five_hundred_at_once_are_served_or_asked_to_come_again(register: Register) -> None:
    ann = await register("ann.crowd@example.com")
    stored = await ann.upload("main.py", b"x = 1\n")
    own, outside = "/files", str(ann.http.base_url).removesuffix("/api/v1/")
    no_limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)

    async def ask(crowd: httpx2.AsyncClient, number: int) -> int:
        match number % 5:
            case 0:
                part = {"file": (f"n{number}.py", b"x = %d\n" % number)}
                return (await crowd.post(own, files=part)).status_code
            case 1:
                return (await crowd.get(f"{own}/{stored['id']}/content")).status_code
            case 2:
                return (await crowd.get(f"{outside}/login")).status_code
            case _:
                return (await crowd.get(own)).status_code

    async with httpx2.AsyncClient(
        base_url=ann.http.base_url, headers=ann.http.headers, limits=no_limits, timeout=60
    ) as crowd:
        told = Counter(await asyncio.gather(*(ask(crowd, number) for number in range(500))))

    assert told.keys() <= {200, 201, 429, 503}, told
    assert told[200] > 0
    assert (await ann.http.get(own)).status_code == 200
