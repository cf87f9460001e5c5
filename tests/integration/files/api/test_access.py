"""Files of other users are not found, and a token allows only what its scopes say."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from tests.integration.conftest import Pools
from tests.integration.files.harness import Person, event_names
from tests.support.apps import as_service, client_of, is_problem
from tests.support.keys import Keys

Operation = Callable[[Person, str], Awaitable[httpx2.Response]]


async def _diff_to_body(who: Person, file_id: str) -> httpx2.Response:
    return await who.http.post(f"/internal/files/{file_id}/diff?from=1", content=b"")


READS: dict[str, Operation] = {
    "file": lambda who, file_id: who.get(file_id),
    "content": lambda who, file_id: who.get(file_id, "/content"),
    "version": lambda who, file_id: who.get(file_id, "/content", version=1),
    "versions": lambda who, file_id: who.get(file_id, "/versions"),
    "diff": lambda who, file_id: who.get(file_id, "/diff", from_=1, to=1),
    "patch": lambda who, file_id: who.get(file_id, "/patch", from_=1, to=1),
    "diff to body": _diff_to_body,
}
WRITES: dict[str, Operation] = {
    "replace": lambda who, file_id: who.replace(file_id, b"mine now"),
    "replace with my name": lambda who, file_id: who.replace(file_id, b"y", "of bob.py"),
    "replace if": lambda who, file_id: who.replace(file_id, b"mine now", if_version=7),
    "delete": lambda who, file_id: who.delete(file_id),
    "delete if": lambda who, file_id: who.delete(file_id, if_version=7),
    "restore": lambda who, file_id: who.restore(file_id),
}
OF_A_FILE = {**READS, **WRITES}
READS["limits"] = lambda who, _: who.http.get("/internal/limits")
WRITES["upload"] = lambda who, _: who.upload("new.py")
EVERY = {**READS, **WRITES}


@pytest.mark.parametrize("operation", OF_A_FILE)
async def test_what_is_not_mine_is_not_there(
    ann: Person, bob: Person, pools: Pools, operation: str
) -> None:
    await bob.new("of bob.py")
    undeleted, deleted = await ann.new("a.py"), await ann.new("b.py")
    await ann.delete(deleted)
    answers = [await EVERY[operation](bob, of) for of in (undeleted, deleted, str(uuid4()))]
    for answer in answers:
        assert is_problem(answer, 404, "not_found")
    assert len({tuple(sorted(answer.json())) for answer in answers}) == 1
    assert await event_names(pools("files"), undeleted) == ["FileUploaded"]
    assert await event_names(pools("files"), deleted) == ["FileUploaded", "FileDeleted"]


@pytest.mark.parametrize("operation", EVERY)
async def test_a_token_allows_what_its_scopes_say(ann: Person, keys: Keys, operation: str) -> None:
    file_id = await ann.new("a.py")
    needed = "files:read" if operation in READS else "files:write"
    others = {"files:read", "files:write", "checks:read", "account"} - {needed}
    for scopes, allowed in (({needed}, True), (others, False), (set[str](), False)):
        token = keys.identity("auth").sign_user(ann.user_id, uuid4(), scopes)
        ann.http.headers["Authorization"] = f"Bearer {token}"
        answer = await EVERY[operation](ann, file_id)
        if allowed:
            assert answer.status_code in {200, 201, 412}
        else:
            assert is_problem(answer, 403, "insufficient_scope")
            assert answer.json()["params"] == {"scope": needed}


@pytest.mark.parametrize("operation", EVERY)
async def test_without_a_users_token_there_is_nothing(
    app: FastAPI, ann: Person, keys: Keys, operation: str
) -> None:
    file_id = await ann.new()
    for headers in ({}, as_service(keys, "gateway", "files"), as_service(keys, "checker", "files")):
        async with client_of(app, headers=headers) as http:
            answer = await EVERY[operation](Person(uuid4(), http), file_id)
            assert is_problem(answer, 401, "unauthenticated")


async def test_only_the_checker_asks_for_contents_of_everybody(
    ann: Person, app: FastAPI, keys: Keys
) -> None:
    wanted = {"sha256": ["0" * 64]}
    answer = await ann.http.post("/internal/contents", json=wanted)
    assert is_problem(answer, 401, "unauthenticated")
    async with client_of(app, headers=as_service(keys, "notifier", "files")) as other:
        answer = await other.post("/internal/contents", json=wanted)
        assert is_problem(answer, 403, "forbidden")
