"""Commits a command's transaction by its deadline, and finds out whether it was committed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.deadline import COMMIT_LOOKUP_SECONDS, Deadline
from shared.errors import OutcomeUnknown, Unavailable
from shared.logging import log

T = TypeVar("T")
IsUnavailable = Callable[[BaseException], bool]
TRACE = "trace"  # key in a connection's `info`: the `Trace` of what the transaction has appended
LOOKUP_INTERVAL = 0.1  # seconds between two looks
LOOKUP_TIMEOUT = 1.0  # seconds one may take

_XID = text("""
SELECT CAST(pg_current_xact_id_if_assigned() AS text)
""")

_STATUS = text("""
SELECT pg_xact_status(CAST(CAST(:xid AS text) AS xid8))
""")

# A commit that never reached its server would keep its locks as long as that one waits for it.
_TERMINATE = text("""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_xid = CAST(CAST(CAST(:xid AS text) AS xid8) AS xid)
""")

_IN_THE_FUTURE = "22023"  # what Postgres says of an id that no transaction has had
_EVENT_EXISTS = text("""
SELECT EXISTS (SELECT FROM events WHERE event_id = :proof)
""")


class Trace(NamedTuple):
    """By what a transaction is looked up: its id, and the id of an event it appended, if any."""

    xid: str
    proof: Any


@asynccontextmanager
async def commit_by_deadline(
    engine: AsyncEngine,
    lookup_engine: AsyncEngine,
    deadline: Deadline,
    is_unavailable: IsUnavailable,
) -> AsyncIterator[AsyncConnection]:
    """Commit at the end of the block if there is time left; look up what became of the commit.

    `lookup_engine` makes connections outside the pool. Raises `Unavailable` when nothing was done,
    and `OutcomeUnknown` when nobody can tell.
    """
    connection = await _connect(engine, deadline)
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
            deadline.stop_cancelling()
        try:
            await connection.commit()
        except Exception as error:
            if trace is None or not is_unavailable(error):
                raise  # nothing was written, or the server itself has refused
            if not await _look_up_commit(lookup_engine, trace, deadline):
                raise
    finally:
        await asyncio.shield(_give_back(connection, driver, cut))


async def _connect(engine: AsyncEngine, deadline: Deadline) -> AsyncConnection:
    """A connection of the pool; giving up on one takes no time, whatever its server does."""
    asked = asyncio.ensure_future(engine.connect().start())
    try:
        await asyncio.wait({asked}, timeout=deadline.left)
    except asyncio.CancelledError:
        _close_when_connected(asked)
        raise
    if not asked.done():
        _close_when_connected(asked)
        raise Unavailable
    return asked.result()


def _close_when_connected(asked: asyncio.Future[AsyncConnection]) -> None:
    asked.add_done_callback(_close_result)
    asked.cancel()


def _close_result(asked: asyncio.Future[AsyncConnection]) -> None:
    if _result(asked) is not None:
        closing = asyncio.ensure_future(asked.result().close())
        _closing.add(closing)
        closing.add_done_callback(_closing.discard)


def _result(task: asyncio.Future[T]) -> T | None:
    """What a task returned; None where it was cancelled or has failed."""
    failed = not task.done() or task.cancelled() or task.exception() is not None
    return None if failed else task.result()


_closing: set[asyncio.Future[None]] = set()  # the loop itself keeps no task alive


async def _give_back(connection: AsyncConnection, driver: Any, cut: asyncio.TimerHandle) -> None:
    """Return the connection to the pool, and cancel the cut at this command's deadline."""
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
    xid = await connection.scalar(_XID)
    return None if xid is None else Trace(xid, None)


async def _look_up_commit(lookup_engine: AsyncEngine, trace: Trace, deadline: Deadline) -> bool:
    """Ask until it is known; raise `OutcomeUnknown` `COMMIT_LOOKUP_SECONDS` after the deadline."""
    loop = asyncio.get_running_loop()
    end = deadline.ends_at + COMMIT_LOOKUP_SECONDS
    while (left := end - loop.time()) > 0:
        looking = asyncio.ensure_future(_status_of(lookup_engine, trace))
        await asyncio.wait({looking}, timeout=min(LOOKUP_TIMEOUT, left))
        if (found := _result(looking)) is not None:
            log.warning("commit_outcome_found", committed=found)
            return found
        looking.add_done_callback(_result)
        looking.cancel()
        await asyncio.sleep(LOOKUP_INTERVAL)
    log.error("commit_outcome_unknown")
    raise OutcomeUnknown


async def _status_of(lookup_engine: AsyncEngine, trace: Trace) -> bool | None:
    """Whether it was committed; None while it is under way.

    Ids of transactions that a crash has swept away are given again. So an event that must be
    there decides, where there is one.
    """
    async with lookup_engine.connect() as connection:
        try:
            status = await connection.scalar(_STATUS, {"xid": trace.xid})
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _IN_THE_FUTURE:
                return False  # a crash has swept the id away
            raise
        if status == "in progress":
            await connection.execute(_TERMINATE, {"xid": trace.xid})
            return None
        if status == "committed" and trace.proof is not None:
            return bool(await connection.scalar(_EVENT_EXISTS, {"proof": trace.proof}))
        return bool(status == "committed")
