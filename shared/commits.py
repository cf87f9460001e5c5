"""Transactions of commands: done by the deadline, and known to be done or not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.deadline import LOOKING, Deadline
from shared.errors import OutcomeUnknown, Unavailable
from shared.logging import log

T = TypeVar("T")
IsAway = Callable[[BaseException], bool]
TRACE = "trace"  # in a connection's `info`: the `Trace` of what the transaction has appended
PAUSE = 0.1  # seconds between two looks
LOOK = 1.0  # seconds one may take

_XID = "SELECT CAST(pg_current_xact_id_if_assigned() AS text)"
_STATUS = "SELECT pg_xact_status(CAST(CAST(:xid AS text) AS xid8))"
# A commit that never reached its server would keep its locks as long as that one waits for it.
_END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_xid = CAST(CAST(CAST(:xid AS text) AS xid8) AS xid)
"""
_IN_THE_FUTURE = "22023"  # what Postgres says of an id that no transaction has had
_IS_THERE = "SELECT EXISTS (SELECT FROM events WHERE event_id = :proof)"


class Trace(NamedTuple):
    """By what a transaction that wrote is found again: its id, and that of an event, if any."""

    xid: str
    proof: Any


@asynccontextmanager
async def in_time(
    engine: AsyncEngine, asking: AsyncEngine, deadline: Deadline, is_away: IsAway
) -> AsyncIterator[AsyncConnection]:
    """Commit at the end of the block if there is time left; what becomes of that is found out.

    `asking` makes connections of their own. Raises `Unavailable` when nothing was done, and
    `OutcomeUnknown` when it can't be told.
    """
    connection = await _borrowed(engine, deadline)
    driver: Any = (await connection.get_raw_connection()).driver_connection
    cut = asyncio.get_running_loop().call_at(deadline.ends_at, driver.terminate)
    try:
        connection.info.pop(TRACE, None)
        await connection.begin()
        yield connection
        trace = await _trace(connection)
        if not deadline.left:
            raise Unavailable
        if trace is not None:
            deadline.let_be()
        try:
            await connection.commit()
        except Exception as error:
            if trace is None or not is_away(error):
                raise  # nothing was written, or the server itself has refused
            if not await _was_committed(asking, trace, deadline):
                raise
    finally:
        await asyncio.shield(_give_back(connection, driver, cut))


async def _borrowed(engine: AsyncEngine, deadline: Deadline) -> AsyncConnection:
    """A connection; giving up on one takes no time, whatever its server does."""
    asked = asyncio.ensure_future(engine.connect().start())
    try:
        await asyncio.wait({asked}, timeout=deadline.left)
    except asyncio.CancelledError:
        _drop(asked)
        raise
    if not asked.done():
        _drop(asked)
        raise Unavailable
    return asked.result()


def _drop(asked: asyncio.Future[AsyncConnection]) -> None:
    asked.add_done_callback(_unwanted)
    asked.cancel()


def _unwanted(asked: asyncio.Future[AsyncConnection]) -> None:
    if _result(asked) is not None:
        closing = asyncio.ensure_future(asked.result().close())
        _closing.add(closing)
        closing.add_done_callback(_closing.discard)


def _result(task: asyncio.Future[T]) -> T | None:
    """What a task has found; None where it was cancelled or has failed."""
    failed = not task.done() or task.cancelled() or task.exception() is not None
    return None if failed else task.result()


_closing: set[asyncio.Future[None]] = set()  # the loop itself keeps no task alive


async def _give_back(connection: AsyncConnection, driver: Any, cut: asyncio.TimerHandle) -> None:
    """Whoever has the connection next has it for a time of their own."""
    try:
        if driver.is_closed():
            with suppress(Exception):
                await connection.invalidate()
        await connection.close()
    finally:
        cut.cancel()


async def _trace(connection: AsyncConnection) -> Trace | None:
    """None for a transaction that wrote nothing."""
    appended: Trace | None = connection.info.get(TRACE)
    if appended is not None:
        return appended
    xid = await connection.scalar(text(_XID))
    return None if xid is None else Trace(xid, None)


async def _was_committed(asking: AsyncEngine, trace: Trace, deadline: Deadline) -> bool:
    """Ask until it is known, or `LOOKING` seconds after the deadline raise `OutcomeUnknown`."""
    loop = asyncio.get_running_loop()
    end = deadline.ends_at + LOOKING
    while (left := end - loop.time()) > 0:
        looking = asyncio.ensure_future(_look(asking, trace))
        await asyncio.wait({looking}, timeout=min(LOOK, left))
        if (found := _result(looking)) is not None:
            log.warning("commit_looked_up", committed=found)
            return found
        looking.add_done_callback(_result)
        looking.cancel()
        await asyncio.sleep(PAUSE)
    log.error("commit_unknown")
    raise OutcomeUnknown


async def _look(asking: AsyncEngine, trace: Trace) -> bool | None:
    """Whether it was committed; None while it is under way.

    Ids of transactions that a crash has swept away are given again. So an event that must be
    there decides, where there is one.
    """
    async with asking.connect() as connection:
        try:
            status = await connection.scalar(text(_STATUS), {"xid": trace.xid})
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _IN_THE_FUTURE:
                return False  # a crash has swept the id away
            raise
        if status == "in progress":
            await connection.execute(text(_END), {"xid": trace.xid})
            return None
        if status == "committed" and trace.proof is not None:
            return bool(await connection.scalar(text(_IS_THERE), {"proof": trace.proof}))
        return bool(status == "committed")
