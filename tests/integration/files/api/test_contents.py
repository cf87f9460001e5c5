"""Contents by hash, which the checker asks for."""

import base64
from uuid import uuid4

from fastapi import FastAPI

from services.files.queries.response_limits import ResponseLimits
from tests.integration.files.harness import LIMIT, MakeApp, Person, person, sha256
from tests.support.apps import as_service, client_of
from tests.support.keys import Keys


async def test_a_content_is_kept_once_and_fetched_by_the_checker(
    ann: Person, app: FastAPI, keys: Keys
) -> None:
    content = f"# {uuid4()}\n".encode()
    for number in range(3):
        await ann.new(f"{number}.py", content)
    wanted = [sha256(content), "0" * 64]
    async with client_of(app, headers=as_service(keys, "checker", "files")) as checker:
        answer = await checker.post("/internal/contents", json={"sha256": wanted})
    assert answer.json() == {wanted[0]: base64.b64encode(content).decode(), wanted[1]: None}


async def test_more_contents_than_one_answer_carries_come_in_several(
    make_app: MakeApp, keys: Keys
) -> None:
    contents = [b"#" + bytes([65 + number]) * (LIMIT - 1) for number in range(4)]
    left, calls = [sha256(content) for content in contents], 0
    async with (
        make_app(response_limits=ResponseLimits(content_bytes=150_000)) as app,
        person(app, keys) as ann,
        client_of(app, headers=as_service(keys, "checker", "files")) as checker,
    ):
        for number, content in enumerate(contents):
            await ann.new(f"{number}.py", content)
        while left:
            answer = await checker.post("/internal/contents", json={"sha256": left})
            assert answer.json()
            left, calls = [sha for sha in left if sha not in answer.json()], calls + 1
    assert calls == 4
