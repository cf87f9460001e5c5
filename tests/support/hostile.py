"""Made-up headers, the same in every run, and a way to send them past every client library."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from random import Random
from typing import Any

from fastapi import FastAPI
from starlette.types import Message

from tests.support.hostile_words import COOKIES, FAMILIES, KINDS, NAMES, WORDS

COUNT = int(os.environ.get("PREREVIEW_FUZZ_COUNT", "3000"))  # requests of each test
STREAM_SECONDS = 0.3  # an answer without end is left after that
Headers = list[tuple[bytes, bytes]]

PEERS = ["127.0.0.1", "fe80::1%eth0", "::ffff:10.0.0.1", "::1%", "", "unix", "10.0.0.1%x"]


@dataclass(frozen=True)
class Target:
    """A request that would be served, before it is spoilt."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    query: str = ""
    peer: str = "127.0.0.1"


def spoilt(
    targets: Sequence[Target], count: int = COUNT, seed: int = 8
) -> Iterator[tuple[Target, Headers]]:
    """Requests with a header or a few that are not as they should be; each target in turn.

    First comes, three times, what a name's own readers may stumble over; then any word anywhere.
    """
    random = Random(seed)
    own = [
        (name, word)
        for names, words in FAMILIES.items()
        for name in names.split()
        for word in words
    ]
    rest = [*product(NAMES, WORDS)]
    random.shuffle(rest)
    pairs = [pair for _ in range(3) for pair in random.sample(own, len(own))] + rest
    for number in range(count):
        target = targets[number % len(targets)]
        given: Headers = [(name.encode(), value.encode()) for name, value in target.headers]
        spoil = [pairs[number % len(pairs)], *random.sample(rest, random.choice([0, 0, 0, 1, 3]))]
        for name, word in spoil:
            value = _value(random, name, word)
            repeated = random.random() < 0.15
            given = [one for one in given if repeated or one[0] != name.encode()]
            given.insert(random.randrange(len(given) + 1), (name.encode(), value))
        yield replace(target, peer=random.choice(PEERS)), given


def _value(random: Random, name: str, word: bytes) -> bytes:
    if name == "cookie":
        return random.choice(COOKIES).encode() + b"=" + word
    if name == "content-type" and random.random() < 0.5:
        return random.choice(KINDS).encode() + b"; boundary=" + word
    return word if random.random() < 0.8 else word + random.choice(WORDS)


async def ask(app: FastAPI, target: Target, headers: Headers) -> tuple[int, bytes]:
    """The status and the begin of the answer; 599 where an error comes out of the application."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
        "method": target.method, "path": target.path, "raw_path": target.path.encode(),
        "query_string": target.query.encode(), "root_path": "", "headers": headers,
        "client": (target.peer, 1), "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    sent: list[Message] = []
    arriving: list[Message] = [{"type": "http.request", "body": target.body, "more_body": False}]

    async def receive() -> Message:
        if not arriving:
            await asyncio.sleep(STREAM_SECONDS / 2)
            return {"type": "http.disconnect"}
        return arriving.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(STREAM_SECONDS if target.path.endswith("events") else 30):
                await app(scope, receive, send)
    except Exception as error:  # noqa: BLE001 - a server would answer 500
        return 599, repr(error).encode()
    return _answer(sent)


def _answer(sent: list[Any]) -> tuple[int, bytes]:
    status = sent[0]["status"] if sent else 200
    return status, b"".join(message.get("body", b"") for message in sent[1:])[:300]
