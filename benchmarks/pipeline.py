"""From due files to mails marked as sent: `python -m benchmarks.pipeline`.

Ours against the plain form with Celery, and against one plain ruff run. Each starts when all files
are there and the checks may begin.
"""

import asyncio
import time
from collections.abc import Sequence

from benchmarks import usage
from benchmarks.figures import Figure, at_least, at_most, faster, tell
from benchmarks.parameters import number
from benchmarks.peers import plain_celery, plain_ruff
from benchmarks.run import Run
from benchmarks.running import Running, running, stopped, until
from benchmarks.sources import Source, sources
from tests.faults.database import Connection, admin

FILES = number("FILES", 500)
A_PERSON = 50  # files; more than 60 in a minute are refused
KNOWN = "SELECT count(*) FROM reports.files WHERE user_id = ANY($1)"
CHECKED = "SELECT count(*) FROM reports.checks WHERE user_id = ANY($1)"
MARKED = """
SELECT count(*) FROM reports.checks c JOIN reports.mails m USING (check_id)
WHERE c.user_id = ANY($1) AND m.state = 'sent'
"""
QUIET = 1.0  # seconds without news before the checks begin


def figures() -> list[Figure]:
    files = sources(FILES)
    plain = plain_ruff.seconds(files)
    peer = plain_celery.run(files)
    ours = asyncio.run(_run(files))
    return [*_speed(ours, peer, plain), *_processor(ours, peer)]


def _speed(ours: Run, peer: Run, plain: float) -> list[Figure]:
    count, unit = ours.files, "files/s"
    checked, mailed, marked = (count / at for at in (ours.checked, ours.mailed, ours.marked))
    return [
        faster("due → marked, against Celery", marked, count / peer.marked, unit, at_least(5)),
        faster("due → mailed, against Celery", mailed, count / peer.mailed, unit),
        faster("due → checked, against Celery", checked, count / peer.checked, unit),
        faster("due → checked, against one ruff run", checked, count / plain, unit),
    ]


def _processor(ours: Run, peer: Run) -> list[Figure]:
    """Processor time in all, and of each process."""
    spent, theirs = ours.a_file(), peer.a_file()
    whole, limit = sum(spent.values()), at_most(12)
    uploading = 1000 * ours.uploading / ours.files
    return [
        Figure("processor a file, upload → marked", whole + uploading, "ms", goal=limit),
        Figure("processor a file, due → marked", whole, "ms", sum(theirs.values()), goal=limit),
        *(Figure(f"… {name}", ms, "ms", theirs.get(name)) for name, ms in spent.items()),
        *(Figure(f"… {name}", 0, "ms", ms) for name, ms in theirs.items() if name not in spent),
        Figure("memory after it (PSS, servers included)", ours.memory, "MB", peer.memory),
    ]


async def _run(files: Sequence[Source]) -> Run:
    people = -(-len(files) // A_PERSON)
    async with running(people, CHECK_INTERVAL="0") as system, admin(system.product) as connection:
        run = await flow(system, connection, files)
        await _verify(system)
    return run


async def flow(system: Running, connection: Connection, files: Sequence[Source]) -> Run:
    """Upload the files, which are the people's first, and time what becomes of them."""
    pids, ids, count = system.pids(), system.user_ids(), len(files)
    idle = usage.processor_of(pids)
    with stopped(pids["checker"]):
        await system.upload(files)
        await until(connection, KNOWN, count, ids)
        await asyncio.sleep(QUIET)
        before, begun = usage.processor_of(pids), time.monotonic()
    await until(connection, CHECKED, count, ids)
    checked = time.monotonic() - begun
    await until(connection, MARKED, count, ids)
    marked = time.monotonic() - begun
    spent = usage.difference(before, usage.processor_of(pids))
    memory = sum(usage.memory_of(pids).values())
    mailed = max(system.results()) - begun
    uploading = sum(usage.difference(idle, before).values())
    return Run(count, checked, mailed, marked, spent, memory, uploading)


async def _verify(system: Running) -> None:
    """What the tables said is what people are told, and the mail server took a mail a check."""
    for person in system.people:
        assert await person.all_mails_sent(), "a list does not tell of all mails"
    files = sum(len(person.files) for person in system.people)
    assert len(system.results()) == files, "not one mail a check"


if __name__ == "__main__":
    tell(figures())
