"""Lists page by page: each page begins after the key of the last row of the one before."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import cursor
from services.reports.cursor import Key, Value

T = TypeVar("T")
Values = Mapping[str, Any]


class Order(NamedTuple):
    """By a column and then by id; `kind` is the type of the column's values."""

    column: str
    id: str
    kind: type[Value]
    descending: bool = True


@dataclass(frozen=True)
class Listing:
    """Rows in an order. `name` says what a cursor is good for; the SQL holds our own words only."""

    name: str
    select: str
    where: str
    values: Values
    order: Order

    keys: str = ""

    def page(self, after: Key | None, limit: int) -> tuple[str, Values]:
        """The statement that reads a page, and one row more when there is a next one.

        Where there is a `SELECT` of the `keys`, they are looked for first, in indexes alone if
        those hold all that is asked for.
        """
        column, ident, _, descending = self.order
        way, beyond = ("DESC", "<") if descending else ("ASC", ">")
        where, values = self.where, {**self.values, "rows": limit + 1}
        if after is not None:
            where += f" AND ({column}, {ident}) {beyond} (:after_value, :after_id)"
            values |= {"after_value": after.value, "after_id": after.id}
        order = f"ORDER BY {column} {way}, {ident} {way}"
        found = f"WHERE {where} {order} LIMIT :rows"
        if self.keys:
            found = f"WHERE {ident} IN ({self.keys} {found}) {order}"
        return f"{self.select} {found}", values


class Page(Generic[T]):
    """A page of a list, and where the next one begins if there is one."""

    def __init__(self, items: list[T], next_cursor: str | None) -> None:
        self.items, self.next_cursor = items, next_cursor


async def read(
    connection: AsyncConnection,
    listing: Listing,
    given: str | None,
    limit: int,
    most: int | None = None,
) -> Page[RowMapping]:
    """At most `limit` rows after a cursor, and as many as `most` bytes hold, but one at least.

    With `most` the rows tell their `size`. Raises `CursorInvalid`.
    """
    after = cursor.decode(listing.name, listing.order.kind, given) if given else None
    found = await rows(connection, *listing.page(after, limit))
    fitting = found[:limit] if most is None else _fitting(found[:limit], most)
    last = _key(fitting[-1], listing.order) if len(fitting) < len(found) else None
    return Page(fitting, cursor.encode(listing.name, last) if last else None)


def _fitting(found: list[RowMapping], most: int) -> list[RowMapping]:
    totals = accumulate(row["size"] for row in found)
    return found[: max(1, sum(total <= most for total in totals))]


async def rows(connection: AsyncConnection, query: str, values: Values) -> list[RowMapping]:
    return list((await connection.execute(text(query), values)).mappings())


def _key(row: RowMapping, order: Order) -> Key:
    value, ident = (row[name.partition(".")[2]] for name in order[:2])
    return Key(value, UUID(str(ident)))
