"""Two copies of the checker: when one dies, the other checks its claimed files at once."""

import asyncio
import base64
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from shared.contracts.checker import FileChecked
from tests.integration.checker.harness import UNTIDY, CheckerHarness
from tests.support.copies import START, end_sessions, wait_for_copies
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys
from tests.support.running import running_copy, stand_in
from tests.support.waiting import eventually

Start = Callable[..., Popen[bytes]]
SOON = "0.5"  # seconds between two looks for due files
GOES_ON = 5.0  # seconds


class Files:
    """Responds with the contents of the harness, once `go_on` is set."""

    def __init__(self, checker: CheckerHarness) -> None:
        self._story, self.calls = checker, 0
        self.go_on = asyncio.Event()

    async def answer(self, path: str, body: Any) -> Any:
        assert path == "/internal/contents"
        self.calls += 1
        await self.go_on.wait()
        found = await self._story.contents.fetch(body["sha256"])
        return {key: c and base64.b64encode(c).decode() for key, c in found.items()}


@pytest_asyncio.fixture
async def files(checker: CheckerHarness) -> AsyncIterator[Files]:
    yield Files(checker)


@pytest_asyncio.fixture
async def url(files: Files) -> AsyncIterator[str]:
    async with stand_in(files.answer) as url:
        yield url


@pytest.fixture
def start(url: str, fresh_postgres: PrivateDatabase, keys: Keys, tmp_path: Path) -> Iterator[Start]:
    """Starts copies; they poll once a minute, as by default, or every `interval` seconds."""
    database_url = fresh_postgres.url("checker")

    def start(interval: str = "60") -> Popen[bytes]:
        variables = {"FILES_URL": url, "CHECK_INTERVAL": interval}
        return stack.enter_context(
            running_copy("checker", keys, database_url, tmp_path / "log", **variables)
        )

    with ExitStack() as stack:
        yield start


async def _asked(files: Files, calls: int) -> None:
    """At least that many calls: files that were saved one by one may be fetched one by one."""

    async def asked() -> bool:
        return files.calls >= calls

    await eventually(asked, START)


async def test_what_a_killed_copy_was_checking_the_other_one_checks(
    checker: CheckerHarness, files: Files, start: Start
) -> None:
    file_ids = [uuid4(), uuid4()]
    first, _ = start(SOON), start()
    await wait_for_copies(checker.database, 2)
    for number, file_id in enumerate(file_ids):
        await checker.save(file_id, f"x = {number}\n".encode())
    await _asked(files, 1)
    files.go_on.set()
    os.kill(first.pid, signal.SIGKILL)

    async def done() -> bool:
        return all([await checker.results(file_id) for file_id in file_ids])

    await eventually(done, GOES_ON)
    assert [len(await checker.results(file_id)) for file_id in file_ids] == [1, 1]


async def test_a_copy_started_again_goes_on_where_it_was_killed(
    checker: CheckerHarness, files: Files, start: Start
) -> None:
    file_id = uuid4()
    await checker.save(file_id, UNTIDY)
    first = start()
    await _asked(files, 1)
    files.go_on.set()
    os.kill(first.pid, signal.SIGKILL)
    await wait_for_copies(checker.database, 0)
    start()
    await wait_for_copies(checker.database, 1)
    await eventually(lambda: checker.results(file_id), GOES_ON)


async def test_late_results_of_a_frozen_copy_change_nothing(
    checker: CheckerHarness, files: Files, start: Start, fresh_postgres: PrivateDatabase
) -> None:
    file_id = uuid4()
    first, _ = start(SOON), start()
    await wait_for_copies(checker.database, 2)
    await checker.save(file_id, UNTIDY)
    await _asked(files, 1)
    os.kill(first.pid, signal.SIGSTOP)
    await end_sessions(fresh_postgres, of="checker.versions")
    await _asked(files, 2)
    os.kill(first.pid, signal.SIGCONT)
    files.go_on.set()
    await wait_for_copies(checker.database, 2)
    [result] = await eventually(lambda: checker.results(file_id), GOES_ON)
    assert isinstance(result, FileChecked)
    await asyncio.sleep(1)
    assert await checker.results(file_id) == [result]
    assert await checker.count_claims() == 0


async def test_a_copy_that_only_lost_its_session_keeps_its_work(
    checker: CheckerHarness, files: Files, start: Start, fresh_postgres: PrivateDatabase
) -> None:
    file_id = uuid4()
    start(SOON)
    start(SOON)
    await wait_for_copies(checker.database, 2)
    await checker.save(file_id, UNTIDY)
    await _asked(files, 1)
    for _ in range(2):
        await end_sessions(fresh_postgres)
        await wait_for_copies(checker.database, 2)
        await asyncio.sleep(2)
    files.go_on.set()
    await eventually(lambda: checker.results(file_id), GOES_ON)
    assert files.calls == 1  # nobody has taken it over
