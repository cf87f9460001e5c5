"""Many commands at once: each has an allowed outcome, and streams have no gaps."""

import asyncio
from uuid import uuid4

from services.files.retention import Retention
from shared.db import Database
from shared.eventsourcing.append_lock import take_append_lock
from tests.integration.conftest import Pools
from tests.integration.files.harness import (
    MakeApp,
    ManualClock,
    Person,
    erase_user,
    event_names,
    person,
    read_tables,
    rebuild_tables,
)
from tests.support.apps import is_problem
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys

MANY = 20


async def test_of_twenty_uploads_of_one_name_one_wins(ann: Person, pools: Pools) -> None:
    contents = [f"x = {number}\n".encode() for number in range(MANY)]
    answers = await asyncio.gather(*(ann.upload("race.py", content) for content in contents))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (MANY - 1)
    winner = next(n for n, answer in enumerate(answers) if answer.status_code == 201)
    saved = answers[winner].json()
    assert (await ann.get(saved["file_id"], "/content")).content == contents[winner]
    losers = [answer.json() for answer in answers if answer.status_code == 409]
    assert {loser["code"] for loser in losers} == {"file_name_taken"}
    assert {loser["params"]["file_id"] for loser in losers} == {saved["file_id"]}
    assert await event_names(pools("files"), saved["file_id"]) == ["FileUploaded"]
    assert (await ann.limits())["files"]["used"] == 1


async def test_twenty_replacements_at_once_are_twenty_versions(ann: Person, pools: Pools) -> None:
    file_id = await ann.new()
    contents = {f"y = {number}\n".encode() for number in range(MANY)}
    answers = await asyncio.gather(*(ann.replace(file_id, content) for content in contents))
    assert {answer.status_code for answer in answers} == {200}
    versions = sorted(answer.json()["version"] for answer in answers)
    assert versions == list(range(2, MANY + 2))
    kept = {(await ann.get(file_id, "/content", version=v)).content for v in versions}
    assert kept == contents
    assert await event_names(pools("files"), file_id) == ["FileUploaded"] + ["FileReplaced"] * MANY


async def test_of_twenty_who_saw_the_same_version_one_replaces_it(
    ann: Person, pools: Pools
) -> None:
    file_id = await ann.new()
    contents = [f"y = {number}\n".encode() for number in range(MANY)]
    answers = await asyncio.gather(*(ann.replace(file_id, c, if_version=1) for c in contents))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * (MANY - 1)
    lost = [answer.json()["params"] for answer in answers if answer.status_code == 412]
    assert lost == [{"current": 2, "yours": 1}] * (MANY - 1)
    assert await event_names(pools("files"), file_id) == ["FileUploaded", "FileReplaced"]


async def test_twenty_deletions_at_once_are_one(ann: Person, pools: Pools) -> None:
    file_id = await ann.new()
    answers = await asyncio.gather(*(ann.delete(file_id) for _ in range(MANY)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * (MANY - 1)
    assert await event_names(pools("files"), file_id) == ["FileUploaded", "FileDeleted"]


async def test_twenty_restorations_at_once_are_one(ann: Person, pools: Pools) -> None:
    file_id = await ann.new()
    await ann.delete(file_id)
    answers = await asyncio.gather(*(ann.restore(file_id) for _ in range(MANY)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(not answer.json()["unchanged"] for answer in answers) == 1
    assert await event_names(pools("files"), file_id) == [
        "FileUploaded",
        "FileDeleted",
        "FileRestored",
    ]


async def test_everything_at_once_leaves_one_file_of_a_name(ann: Person, pools: Pools) -> None:
    file_id = await ann.new()
    for _ in range(3):
        work = [
            *(ann.upload("main.py", f"# {uuid4()}\n".encode()) for _ in range(4)),
            *(ann.replace(file_id, f"# {uuid4()}\n".encode()) for _ in range(4)),
            *(ann.delete(file_id) for _ in range(2)),
            *(ann.restore(file_id) for _ in range(4)),
        ]
        answers = await asyncio.gather(*work)
        assert {answer.status_code for answer in answers} <= {200, 201, 404, 409}
        await ann.upload("main.py")  # there was none where a deletion was the last to be done
        assert (await ann.limits())["files"]["used"] == 1
        assert (await event_names(pools("files"), file_id))[0] == "FileUploaded"


async def test_the_same_new_bytes_from_many_at_once(ann: Person, bob: Person) -> None:
    content = f"# {uuid4()}\n".encode()
    work = [who.upload(f"{n}.py", content) for who in (ann, bob) for n in range(MANY // 2)]
    answers = await asyncio.gather(*work)
    assert {answer.status_code for answer in answers} == {201}
    assert (await ann.limits())["bytes"]["used"] == len(content)


async def test_content_is_judged_before_anybody_is_kept_waiting(ann: Person, pools: Pools) -> None:
    """While another writer is at work, what can be refused is refused."""
    async with pools("files").transaction() as connection:
        await take_append_lock(connection)
        refused = await asyncio.wait_for(ann.upload("b.py", b"\0"), 10)
        waiting = asyncio.ensure_future(ann.upload("a.py"))
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done()
    assert is_problem(refused, 422, "not_text")
    assert (await waiting).status_code == 201


async def test_what_could_not_begin_in_time_is_refused_and_not_done_later(
    make_app: MakeApp, keys: Keys, pools: Pools, postgres: PrivateDatabase
) -> None:
    """Its client has given up by then, and would find its own file when it tries again."""
    database = Database(postgres.url("files"), lock_timeout=0.3)
    async with make_app(database=database) as app, person(app, keys) as ann:
        async with pools("files").transaction() as connection:
            await take_append_lock(connection)
            refused = await ann.upload("late.py")
        assert is_problem(refused, 503, "database_unavailable")
        assert refused.headers["retry-after"]
        assert (await ann.upload("late.py")).status_code == 201


async def test_tables_are_rebuilt_while_everything_goes_on(
    ann: Person, retention: Retention, pools: Pools, clock: ManualClock
) -> None:
    file_id, done = await ann.new(), asyncio.Event()
    statuses: set[int] = set()

    async def use(name: str) -> None:
        number = 0
        while not done.is_set():
            number += 1
            answers = [
                await ann.upload(f"{name}{number}.py", f"# {name}{number}\n".encode()),
                await ann.replace(file_id, f"# {name}{number}\n".encode()),
                await ann.get(file_id, "/versions", limit=1),
            ]
            mine = answers[0].json()["file_id"]
            answers += [await ann.delete(mine), await ann.restore(mine), await ann.delete(mine)]
            statuses.update(answer.status_code for answer in answers)

    async def erase() -> None:
        while not done.is_set():
            clock.advance(days=31)
            await retention.step()
            await erase_user(pools("files"), uuid4())

    async def rebuild_thrice() -> None:
        try:
            for _ in range(3):
                await rebuild_tables(pools)
        finally:
            done.set()

    await asyncio.gather(rebuild_thrice(), use("a"), use("b"), erase())
    assert statuses <= {200, 201, 404, 410}  # what is deleted may be erased at the next moment
    before = await read_tables(pools("files"))
    await rebuild_tables(pools)
    assert await read_tables(pools("files")) == before
