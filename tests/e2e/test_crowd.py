"""Five hundred requests at the same moment."""

import asyncio
from collections import Counter

import httpx2

from tests.e2e.conftest import Register
from tests.support.waiting import eventually


async def test_five_hundred_at_once_are_served_or_asked_to_come_again(register: Register) -> None:
    ann = await register("ann.crowd@example.com")
    stored = await ann.upload("main.py", b"x = 1\n")
    own, outside = "/files", str(ann.http.base_url).removesuffix("/api/v1/")
    no_limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)

    async def ask(crowd: httpx2.AsyncClient, number: int) -> httpx2.Response:
        match number % 5:
            case 0:
                part = {"file": (f"n{number}.py", b"x = %d\n" % number)}
                return await crowd.post(own, files=part)
            case 1:
                return await crowd.get(f"{own}/{stored['id']}/content")
            case 2:
                return await crowd.get(f"{outside}/login")
            case _:
                return await crowd.get(own)

    async with httpx2.AsyncClient(
        base_url=ann.http.base_url, headers=ann.http.headers, limits=no_limits, timeout=60
    ) as crowd:
        answers = await asyncio.gather(*(ask(crowd, number) for number in range(500)))

    told = Counter(answer.status_code for answer in answers)
    assert told.keys() <= {200, 201, 429, 503}, told
    assert told[503] <= 250, told
    assert told[201] > 0, told
    assert all("retry-after" in answer.headers for answer in answers if answer.is_error)

    async def listed() -> set[str]:
        page = await ann.get(f"{own}?limit=200")
        return {file["name"] for file in page["files"]}

    async def crowd_is_gone() -> bool:
        """What is asked last is done last, and seen last in the list."""
        await ann.http.delete(f"{own}/{stored['id']}")
        return "main.py" not in await listed()

    await eventually(crowd_is_gone, seconds=30)
    assert await listed() == {one.json()["name"] for one in answers if one.status_code == 201}
