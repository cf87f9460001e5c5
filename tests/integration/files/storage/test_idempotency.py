"""A request that is sent again under its key is one request."""

import asyncio
from datetime import timedelta

import httpx2
import pytest

from services.files.retention import Retention
from tests.integration.conftest import Pools
from tests.integration.files.harness import ManualClock, Person, event_names
from tests.support.apps import is_problem

KEY = "5f0c2a8e-upload-1"


def _replayed(answer: httpx2.Response) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


async def test_an_upload_sent_again_is_one_upload(ann: Person, pools: Pools) -> None:
    first = await ann.upload("a.py", b"one", Idempotency_Key=KEY)
    again = await ann.upload("a.py", b"one", Idempotency_Key=KEY)
    assert (first.status_code, _replayed(first)) == (201, False)
    assert (again.status_code, _replayed(again)) == (201, True)
    assert again.json() == first.json()
    assert await event_names(pools("files"), first.json()["file_id"]) == ["FileUploaded"]
    assert (await ann.limits())["uploads"]["left"] == first.json()["limits"]["uploads"]["left"]


async def test_a_replacement_sent_again_is_one_version(ann: Person, pools: Pools) -> None:
    file_id = await ann.new(content=b"one")
    first = await ann.replace(file_id, b"two", if_version=1, Idempotency_Key=KEY)
    await ann.replace(file_id, b"three")
    again = await ann.replace(file_id, b"two", if_version=1, Idempotency_Key=KEY)
    assert (again.status_code, _replayed(again)) == (200, True)
    assert again.json() == first.json()
    assert len(await event_names(pools("files"), file_id)) == 3


async def test_twenty_at_once_with_one_key_are_one_upload(ann: Person) -> None:
    work = (ann.upload("a.py", b"one", Idempotency_Key=KEY) for _ in range(20))
    answers = await asyncio.gather(*work)
    assert {answer.status_code for answer in answers} == {201}
    assert sum(not _replayed(answer) for answer in answers) == 1
    assert len({answer.content for answer in answers}) == 1
    assert (await ann.limits())["files"]["used"] == 1


async def test_a_key_stands_for_one_request(ann: Person) -> None:
    file_id = (await ann.upload("a.py", b"one", Idempotency_Key=KEY)).json()["file_id"]
    others = [
        await ann.upload("a.py", b"two", Idempotency_Key=KEY),
        await ann.upload("b.py", b"one", Idempotency_Key=KEY),
        await ann.replace(file_id, b"one", "a.py", Idempotency_Key=KEY),
    ]
    for other in others:
        assert is_problem(other, 422, "idempotency_key_reused")
    assert (await ann.limits())["files"]["used"] == 1
    assert (await ann.get(file_id)).json()["version"] == 1


async def test_a_key_belongs_to_its_user(ann: Person, bob: Person) -> None:
    mine = await ann.upload("a.py", b"one", Idempotency_Key=KEY)
    theirs = await bob.upload("a.py", b"two", Idempotency_Key=KEY)
    assert (theirs.status_code, _replayed(theirs)) == (201, False)
    assert theirs.json()["file_id"] != mine.json()["file_id"]


async def test_what_was_refused_may_be_tried_again(ann: Person) -> None:
    file_id = await ann.new("a.py")
    refused = await ann.upload("a.py", b"two", Idempotency_Key=KEY)
    assert is_problem(refused, 409, "file_name_taken")
    await ann.delete(file_id)
    done = await ann.upload("a.py", b"two", Idempotency_Key=KEY)
    assert (done.status_code, _replayed(done)) == (201, False)


async def test_a_key_is_kept_for_a_day(
    ann: Person, retention: Retention, clock: ManualClock
) -> None:
    first = await ann.upload("a.py", b"one", Idempotency_Key=KEY)
    clock.advance(hours=23, minutes=59)
    await retention.step()
    assert _replayed(await ann.upload("a.py", b"one", Idempotency_Key=KEY))
    clock.now += timedelta(minutes=2)
    await retention.step()
    late = await ann.upload("a.py", b"one", Idempotency_Key=KEY)
    assert is_problem(late, 409, "file_name_taken")
    assert late.json()["params"] == {"file_id": first.json()["file_id"]}


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\x7f", "k\u00e9y", " "], ids=repr)
async def test_what_is_no_key_is_refused(ann: Person, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode())]
    answer = await ann.http.post("/internal/files?name=a.py", content=b"", headers=headers)
    assert is_problem(answer, 422, "idempotency_key_invalid")
    assert (await ann.limits())["files"]["used"] == 0


async def test_two_keys_are_none(ann: Person) -> None:
    headers = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    answer = await ann.http.post("/internal/files?name=a.py", content=b"", headers=headers)
    assert is_problem(answer, 422, "idempotency_key_invalid")


async def test_the_longest_key_is_one(ann: Person) -> None:
    for key in ("!", "~" * 255):
        assert (await ann.upload(f"{len(key)}.py", Idempotency_Key=key)).status_code == 201
