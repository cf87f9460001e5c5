"""The table `usage` holds what counting all files and versions would find."""

from random import Random
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.files.projections import FILES
from services.files.retention import Retention
from shared.contracts.files import FileErased
from shared.db import Database
from tests.integration.conftest import Pools
from tests.integration.files.harness import (
    MakeApp,
    ManualClock,
    Person,
    erase_user,
    events_of,
    person,
    rebuild_tables,
)
from tests.support.events import recorded
from tests.support.keys import Keys
from tests.support.sent_statements import statements_of

STEPS = 150
_COUNTED = """
SELECT f.user_id, count(*) FILTER (WHERE NOT f.deleted) AS files,
       coalesce((SELECT sum(size) FROM (
            SELECT DISTINCT sha256, size FROM file_versions v WHERE v.user_id = f.user_id AND kept
       ) AS kept), 0) AS bytes
FROM files f GROUP BY f.user_id
"""

Numbers = dict[object, tuple[int, int]]


async def _numbers(database: Database, query: str) -> Numbers:
    async with database.transaction() as connection:
        rows = await connection.execute(text(query))
        return {row.user_id: (row.files, row.bytes) for row in rows}


async def _check_usage(database: Database) -> Numbers:
    kept = await _numbers(database, "SELECT user_id, files, bytes FROM usage")
    assert kept == await _numbers(database, _COUNTED)
    return kept


class RandomUser:
    """Sends random commands with few names and few contents, so that they collide."""

    def __init__(self, who: Person, random: Random) -> None:
        self.who, self.random, self.files = who, random, [str(uuid4())]

    async def step(self) -> None:
        await self.random.choice(
            (self.upload, self.replace, self.replace, self.delete, self.restore)
        )()

    async def upload(self) -> None:
        answer = await self.who.upload(self._name(), self._content())
        if answer.status_code == 201:
            self.files.append(answer.json()["file_id"])

    async def replace(self) -> None:
        await self.who.replace(self._file(), self._content(), self._name())

    async def delete(self) -> None:
        await self.who.delete(self._file())

    async def restore(self) -> None:
        await self.who.restore(self._file())

    def _file(self) -> str:
        return self.random.choice(self.files[-6:])

    def _name(self) -> str:
        return f"{self.random.randrange(5)}.py"

    def _content(self) -> bytes:
        return b"#" * self.random.randrange(8)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_done_the_numbers_are_those_of_a_full_count(
    seed: int, make_app: MakeApp, keys: Keys, pools: Pools, clock: ManualClock, retention: Retention
) -> None:
    random = Random(seed)
    async with (
        make_app(user_files=4, user_bytes=25) as app,
        person(app, keys) as ann,
        person(app, keys) as bob,
    ):
        users = [RandomUser(who, random) for who in (ann, bob)]
        for number in range(STEPS):
            await random.choice(users).step()
            if number % 25 == 24:
                clock.advance(days=random.choice((1, 31)))
                await retention.step()
            if number % 10 == 9:
                await _check_usage(pools("files"))
        before = await _check_usage(pools("files"))
        await rebuild_tables(pools)
        assert await _check_usage(pools("files")) == before
        assert before[ann.user_id] != (0, 0)
        await erase_user(pools("files"), ann.user_id)
        del before[ann.user_id]
        assert await _check_usage(pools("files")) == before


async def test_an_event_that_is_applied_again_changes_nothing(ann: Person, pools: Pools) -> None:
    file_id, database = await ann.new(), pools("files")
    await ann.replace(file_id, b"x = 2\n")
    for command in (ann.delete, ann.restore, ann.delete):
        await command(file_id)
    events = await events_of(database, file_id)
    events.append(recorded(FileErased(file_id=file_id, user_id=ann.user_id, version=2)))
    async with database.transaction() as connection:
        await FILES.apply(connection, events[-1:])
    before = await _check_usage(database)
    for event in (event for event in events for _ in range(2)):
        async with database.transaction() as connection:
            await FILES.apply(connection, [event])
    assert await _check_usage(database) == before


async def test_an_upload_keeps_others_waiting_for_few_statements(ann: Person, app: FastAPI) -> None:
    await ann.new()
    with statements_of(app.state.provided[Database]) as statements:
        await ann.new("other.py", f"# {uuid4()}\n".encode())
    begin = next(n for n, sent in enumerate(statements) if "begin_command" in sent)
    assert len(statements[begin:]) == 4  # begin, append, project, charge
