"""From due files to mails marked as sent: `python -m benchmarks.pipeline`.

Ours against the plain form with Celery, and against one plain ruff run. Each starts when all files
are there and the checks may begin: ours at a tick of its schedule, which all uploads precede.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import usage
from benchmarks.figures import Figure, Goal, at_least, at_most, faster, tell
from benchmarks.parameters import number
from benchmarks.peers import plain_celery, plain_ruff
from benchmarks.run import MAIL_SERVER, Run
from benchmarks.running import Running, running, until
from benchmarks.schedule import DidNotFit, after_tick, before_tick, interval, monotonic
from benchmarks.sources import Source, sources
from tests.faults.database import Connection, admin

FILES = number("FILES", 500)
ROUNDS = 3  # as the speed of a machine changes from one minute to the next
A_PERSON = 50  # files; more than 60 in a minute are refused
# 1 where a past that was filled in leaves nothing to do.
IDLE = """
SELECT (NOT EXISTS (SELECT FROM checker.versions WHERE NOT checked AND NOT deleted)
        AND NOT EXISTS (SELECT FROM notifier.mails WHERE due_at <= now()))::int
"""
KNOWN = (
    "SELECT count(*) FROM reports.files WHERE user_id = ANY($1)",
    "SELECT count(*) FROM checker.versions WHERE user_id = ANY($1)",
)
DUE = """
SELECT count(*) FROM checker.versions
WHERE user_id = ANY($1) AND NOT checked AND NOT deleted AND claimed_by IS NULL
"""
BEGUN = "SELECT min(started_at) FROM reports.checks WHERE user_id = ANY($1)"
CHECKED = "SELECT count(*) FROM reports.checks WHERE user_id = ANY($1)"
MARKED = """
SELECT count(*) FROM reports.checks c JOIN reports.mails m USING (check_id)
WHERE c.user_id = ANY($1) AND m.state = 'sent'
"""
QUIET = 1.0  # seconds in which the last uploads come to an end


class Round(NamedTuple):
    """A run of each, one right after the other."""

    ours: Run
    peer: Run

    def marked(self, name: str, goal: Goal | None = None) -> Figure:
        ours, peer = self.ours.files / self.ours.marked, self.peer.files / self.peer.marked
        return faster(name, ours, peer, "files/s", goal)

    @property
    def ratio(self) -> float:
        return self.peer.marked / self.ours.marked


def figures() -> list[Figure]:
    """Of the round whose ratio is the middle one, and how far the others are from it."""
    files = sources(FILES)
    plain = plain_ruff.seconds(files)
    rounds = [
        Round(peer=plain_celery.run(files), ours=asyncio.run(_run(files))) for _ in range(ROUNDS)
    ]
    rounds.sort(key=lambda one: one.ratio)
    middle = rounds[len(rounds) // 2]
    return [
        middle.marked("due → marked, against Celery", at_least(5)),
        rounds[0].marked(f"… in the worst of {ROUNDS} rounds"),
        rounds[-1].marked("… in the best"),
        *_speed(middle.ours, middle.peer, plain),
        *_processor(middle.ours, middle.peer),
    ]


def _speed(ours: Run, peer: Run, plain: float) -> list[Figure]:
    count, unit = ours.files, "files/s"
    checked, mailed = count / ours.checked, count / ours.mailed
    return [
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
        Figure(
            f"{MAIL_SERVER}, not in the sums", ours.milliseconds(MAIL_SERVER), "ms",
            peer.milliseconds(MAIL_SERVER),
        ),
        Figure("memory after it (PSS, servers included)", ours.memory, "MB", peer.memory),
    ]  # fmt: skip


async def _run(files: Sequence[Source]) -> Run:
    people = -(-len(files) // A_PERSON)
    chosen = {"CHECK_INTERVAL": interval(len(files))}
    async with running(people, **chosen) as system, admin(system.product) as connection:
        run = await flow(system, connection, files)
        await _verify(system)
    return run


async def flow(system: Running, connection: Connection, files: Sequence[Source]) -> Run:
    """Upload the files, which are the people's first, and time what becomes of them from a tick on.

    Raises:
        DidNotFit: not all were due at the tick.
    """
    pids, ids, count = system.pids(), system.user_ids(), len(files)
    uploading = await _upload(system, connection, files)
    tick = await before_tick(system.people[0])
    if (due := await connection.fetchval(DUE, ids)) < count:
        raise DidNotFit(f"only {due} of {count} files are due shortly before a tick")
    watched = {**pids, MAIL_SERVER: system.sink.pid}
    before = usage.processor_of(watched)
    await until(connection, CHECKED, count, ids)
    checked = time.monotonic()
    await until(connection, MARKED, count, ids)
    marked = time.monotonic()
    spent = usage.difference(before, usage.processor_of(watched))
    memory = sum(usage.memory_of(pids).values())
    mailed = max(system.results())
    begun = min(tick, monotonic(await connection.fetchval(BEGUN, ids)))
    return Run(count, checked - begun, mailed - begun, marked - begun, spent, memory, uploading)


async def _upload(system: Running, connection: Connection, files: Sequence[Source]) -> float:
    """Behind a tick, and until everybody knows of the files; the processor seconds of it."""
    pids, ids, count = system.pids(), system.user_ids(), len(files)
    await until(connection, IDLE, 1)
    await after_tick(system.people[0])
    before = usage.processor_of(pids)
    await system.upload(files)
    for known in KNOWN:
        await until(connection, known, count, ids)
    await asyncio.sleep(QUIET)
    return sum(usage.difference(before, usage.processor_of(pids)).values())


async def _verify(system: Running) -> None:
    """What the tables said is what people are told, and the mail server took a mail a check."""
    for person in system.people:
        await person.log_in()  # a token lives for ten minutes
        assert await person.all_mails_sent(), "a list does not tell of all mails"
    files = sum(len(person.files) for person in system.people)
    assert len(system.results()) == files, "not one mail a check"


if __name__ == "__main__":
    tell(figures())
