"""The SQL of all services, as it stands in the code, and what Postgres would read for it."""

import ast
import importlib
import json
import pkgutil
import re
from collections.abc import AsyncIterator, Iterator
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias, get_args
from uuid import UUID

import asyncpg

import services
import shared
from services.files import reactions as files_reactions
from services.reports.cursor import Key, Value
from services.reports.projections import PROJECTIONS
from services.reports.queries.files import Filters, Sort, listing_of
from shared.contracts.files import Mark
from shared.contracts.http.reports import CheckState
from shared.deletion import deletion
from shared.eventsourcing.steps import any_left
from tests.support.databases import SCHEMAS
from tests.support.events import NOON

ROOT = Path(__file__).resolve().parents[2]
NOBODY = UUID(int=0)
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
OF_PEOPLE = {
    "checker": ("versions",),
    "files": files_reactions.TABLES,
    "notifier": ("confirmed_users",),
    "reports": [table for one in PROJECTIONS for table in one.tables],
}
_SOME: dict[str, Value] = {"uploaded_at": NOON, "name": "x", "size": 0}
_VERBS = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s")
_BOUND = re.compile(r"\s(WHERE|LIMIT|VALUES)\s")
_PARAMETER = re.compile(r"(?<!:):(\w+)")


class Statement(NamedTuple):
    """Where it stands, and its text."""

    place: str
    text: str

    @property
    def is_part(self) -> bool:
        """Whether others begin with it: it names rows and does not say which."""
        return not _BOUND.search(self.text) and "max(" not in self.text

    def numbered(self) -> tuple[str, int]:
        """With parameters as Postgres has them, and how many."""
        names = list(dict.fromkeys(_PARAMETER.findall(self.text)))
        return _PARAMETER.sub(lambda m: f"${names.index(m[1]) + 1}", self.text), len(names)

    def schemas(self) -> tuple[str, ...]:
        owner = self.place.split("/")[1]
        return (owner,) if owner in SCHEMAS else SCHEMAS


class Read(NamedTuple):
    """That a statement reads all of a table, or all of an index of it, `by` whose name."""

    place: str
    table: str
    by: str


def statements() -> list[Statement]:
    """The constants of the modules, what is given to `text`, and all lists of files.

    What is put together at run time in other ways is not among them.
    """
    found: dict[str, Statement] = {}
    for module in _modules():
        path = Path(str(module.__file__))
        for node in ast.walk(ast.parse(path.read_text())):
            for value in _texts(node, module):
                if _VERBS.match(value):
                    place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
                    found.setdefault(value, Statement(place, value))
    written = [one for one in found.values() if not one.is_part]
    return [*written, *_lists(), *_erasures()]


def _modules() -> Iterator[ModuleType]:
    for package in (services, shared):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in info.name and not info.name.endswith("__main__"):
                yield importlib.import_module(info.name)


def _texts(node: ast.AST, module: ModuleType) -> Iterator[str]:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        value = getattr(module, node.targets[0].id, None)
        if node.col_offset == 0 and isinstance(value, str):
            yield value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "text":
        try:
            yield str(eval(compile(ast.Expression(node.args[0]), "<sql>", "eval"), vars(module)))
        except NameError:
            return


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
    """What `steps.deleting` asks of each table that has rows of people."""
    for service, tables in OF_PEOPLE.items():
        for table in tables:
            place = f"services/{service}/: erasing {table}"
            yield Statement(place, deletion(table, "user_id = :user_id"))
            yield Statement(place, any_left(table))


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
