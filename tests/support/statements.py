"""The SQL of all services, as it stands in the code, and what Postgres would read for it."""

import json
from collections.abc import AsyncIterator, Iterator
from itertools import product
from typing import Any, NamedTuple, TypeAlias, get_args
from uuid import UUID

import asyncpg

from services.files import reactions as files_reactions
from services.reports.projections import PROJECTIONS
from services.reports.queries.cursor import Key, Value
from services.reports.queries.files import Filters, Sort, listing_of
from shared.contracts.files import Mark
from shared.contracts.http.reports import CheckState
from shared.db.bounded_deletion import batch_deletion
from shared.eventsourcing.erasure.row_deletion import any_left_query
from tests.support.events import NOON
from tests.support.source_sql import Samples, Statement, modules, statements_of

NOBODY = UUID(int=0)
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
OF_PEOPLE = {
    "checker": ("versions",),
    "files": files_reactions.TABLES,
    "notifier": ("confirmed_users",),
    "reports": [table for one in PROJECTIONS for table in one.tables],
}
_SOME: dict[str, Value] = {"uploaded_at": NOON, "name": "x", "size": 0}
# What the names stand for in a statement that is put together at run time, by the module's path.
SAMPLES: dict[str, Samples] = {
    "services/reports/queries/files.py": {"listing": [listing_of(NOBODY, Filters())]},
    "shared/coordination/copies.py": {"table": ["mails", "versions"]},
    "shared/db/bounded_deletion.py": {"table": ["files"], "condition": ["user_id = :user_id"]},
    "shared/eventsourcing/pages.py": {
        "table": ["events", "journal"], "condition": ["e.type = ANY(:names)"],
    },
    "shared/messaging/outbox/commands.py": {"service": ["files"]},
    "shared/eventsourcing/erasure/row_deletion.py": {"table": ["files"]},
}  # fmt: skip


class Read(NamedTuple):
    """That a statement reads all of a table, or all of an index of it, `by` whose name."""

    place: str
    table: str
    by: str


def statements() -> list[Statement]:
    """All that stand in the source, all lists of files, and all deletions of a person's rows.

    Pages of other lists (`Listing.page`) are not among them.
    """
    found: dict[str, Statement] = {}
    for module in modules(SAMPLES):
        for one in statements_of(module):
            found.setdefault(one.text, one)
    return [*found.values(), *_lists(), *_erasures()]


def _lists() -> Iterator[Statement]:
    for mark, check, q, sort in product(
        (None, *get_args(Mark)), (None, *get_args(CheckState)), (None, "x"), get_args(Sort)
    ):
        filters = Filters(mark=mark, check=check, q=q, sort=sort)
        listing = listing_of(NOBODY, filters)
        place = f"services/reports/queries/files.py: {mark}, {check}, {q}, {sort}"
        key = Key(_SOME[filters.sort.removeprefix("-")], NOBODY)
        yield Statement(place, listing.page(None, 50)[0])
        yield Statement(place, listing.page(key, 50)[0])
        yield Statement(place, f"SELECT count(*) FROM files f WHERE {listing.where}")


def _erasures() -> Iterator[Statement]:
    """What `row_deletion.deleting` asks of each table that has rows of people."""
    for service, tables in OF_PEOPLE.items():
        for table in tables:
            place = f"services/{service}/: erasing {table}"
            yield Statement(place, batch_deletion(table, "user_id = :user_id"))
            yield Statement(place, any_left_query(table))


async def refusals(connection: Connection, statement: Statement) -> list[str]:
    """What Postgres says against it in each schema that has its tables; none if one accepts it."""
    said: list[str] = []
    for schema in statement.schemas():
        await connection.execute(f"SET search_path = {schema}")
        try:
            await connection.execute(f"PREPARE looked AS {statement.numbered()[0]}")
        except asyncpg.PostgresError as error:
            said.append(f"{statement.place}: {error} (in {schema})")
        else:
            await connection.execute("DEALLOCATE looked")
            return []
    return said


async def whole_reads(connection: Connection, statement: Statement) -> set[Read] | None:
    """What it reads all of in the schemas it can be used in; None where it is no statement.

    The plan is one without values, so that none of them happens to be a rare one.
    """
    plans = [plan async for plan in _plans(connection, statement)]
    reads = {one for plan in plans for one in _whole(plan)}
    return {Read(statement.place, *one) for one in reads} if plans else None


async def _plans(connection: Connection, statement: Statement) -> AsyncIterator[dict[str, Any]]:
    text, count = statement.numbered()
    values = f"({', '.join(['NULL'] * count)})" if count else ""
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    for schema in statement.schemas():
        await connection.execute(f"SET search_path = {schema}")
        try:
            await connection.execute(f"PREPARE looked AS {text}")
        except asyncpg.PostgresError:
            continue
        plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE looked {values}")
        await connection.execute("DEALLOCATE looked")
        yield json.loads(plan)[0]["Plan"]


def _whole(plan: dict[str, Any], *, stops: bool = False) -> Iterator[tuple[str, str]]:
    """`stops`: whoever asks for rows takes a few, and all that come are wanted."""
    kind = plan["Node Type"]
    if kind == "Seq Scan" or _is_whole_index(plan, stops=stops):
        yield f"{plan['Schema']}.{plan['Relation Name']}", plan.get("Index Name", "")
    stops = kind == "Limit" or (stops and kind in {"LockRows", "Result"})
    for part in plan.get("Plans", ()):
        yield from _whole(part, stops=stops)


def _is_whole_index(plan: dict[str, Any], *, stops: bool) -> bool:
    if plan["Node Type"] not in {"Index Scan", "Index Only Scan"} or "Index Cond" in plan:
        return False
    return not stops or "Filter" in plan
