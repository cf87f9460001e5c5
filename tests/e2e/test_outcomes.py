"""What uploads answer is true while what carries them out is killed."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable

import httpx2
import pytest

from tests.e2e.conftest import Register
from tests.support.people import Person
from tests.support.processes import backends, child
from tests.support.product import Product
from tests.support.waiting import eventually

SECONDS = 8.0  # files is back after some four
Victim = Callable[[Product], int]


def _files(product: Product) -> int:
    return child(product.supervisor, "files")


def _backend(product: Product) -> int:
    return random.choice(backends(product.supervisor, "prereview_files"))


@pytest.mark.parametrize("victim", [_files, _backend])
async def test_each_answer_holds(product: Product, register: Register, victim: Victim) -> None:
    ann = await register(f"ann.{victim.__name__}@example.com")
    answers: dict[str, int] = {}
    loop = asyncio.get_running_loop()
    end = loop.time() + SECONDS

    async def uploads(number: int) -> None:
        count = 0
        while loop.time() < end:
            count += 1
            name = f"w{number}_{count}.py"
            answer = await _upload(ann, name)
            answers[name] = answer.status_code
            await asyncio.sleep(0.7)  # there are 60 a minute

    async def kills() -> None:
        await asyncio.sleep(1.0)
        os.kill(victim(product), signal.SIGKILL)

    await asyncio.gather(kills(), *(uploads(number) for number in range(4)))
    told = Counter(answers.values())
    assert told.keys() <= {201, 503, 504}, told
    assert told[201] > 4, told  # also some after the kill

    async def uploaded() -> bool:
        return (await _upload(ann, "last.py")).status_code == 201

    await eventually(uploaded, seconds=30)
    stored = await eventually(lambda: _stored(ann), seconds=30)
    for name, status in answers.items():
        expected = {201: {1}, 503: {0}, 504: {0, 1}}[status]
        assert stored[name] in expected, (name, status, stored[name])


async def _upload(person: Person, name: str) -> httpx2.Response:
    part = {"file": (name, f"name = '{name}'\n".encode())}
    return await person.http.post("/files", files=part)


async def _stored(person: Person) -> Counter[str]:
    """How often each name is in the list, once that holds the last one."""
    stored = Counter[str]()
    cursor = None
    while True:
        asked = {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = (await person.http.get("/files", params=asked)).json()
        stored.update(file["name"] for file in page.get("files", []))
        cursor = page.get("next_cursor")
        if not cursor:
            return stored if stored["last.py"] else Counter()
