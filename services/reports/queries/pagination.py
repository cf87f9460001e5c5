"""Keyset pagination: a page begins after the key of the last row of the page before."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.queries.cursor import Key, Value, decode, encode

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
    """A query with an order, composed of the constants of this package.

    A cursor is valid for listings of the same `name`. With `keys`, a `SELECT` of the ids, a page
    first finds its ids, by an index alone where the index has all columns of the condition.
    """

    name: str
    select: str
    where: str
    values: Values
    order: Order
    keys: str = ""

    def page(self, after: Key | None, limit: int) -> tuple[str, Values]:
        """The statement that reads a page, and one row more if there is a next page."""
        column, ident, _, descending = self.order
        direction, comparison = ("DESC", "<") if descending else ("ASC", ">")
        where, values = self.where, {**self.values, "rows": limit + 1}
        if after is not None:
            where += f" AND ({column}, {ident}) {comparison} (:after_value, :after_id)"
            values |= {"after_value": after.value, "after_id": after.id}
        order = f"ORDER BY {column} {direction}, {ident} {direction}"
        page = f"WHERE {where} {order} LIMIT :rows"
        if self.keys:
            page = f"WHERE {ident} IN ({self.keys} {page}) {order}"
        return f"{self.select} {page}", values


class Page(Generic[T]):
    """A page of a list, and the cursor of the next one if there is one."""

    def __init__(self, items: list[T], next_cursor: str | None) -> None:
        self.items, self.next_cursor = items, next_cursor


async def read_page(
    connection: AsyncConnection,
    listing: Listing,
    cursor: str | None,
    limit: int,
    max_bytes: int | None = None,
) -> Page[RowMapping]:
    """Read at most `limit` rows after a cursor, within `max_bytes` but at least one.

    With `max_bytes` the rows have a column `size`.

    Raises:
        CursorInvalid: the cursor is not one of this listing.
    """
    after = decode(listing.name, listing.order.kind, cursor) if cursor else None
    found = await fetch(connection, *listing.page(after, limit))
    fitting = found[:limit] if max_bytes is None else _fitting(found[:limit], max_bytes)
    last = _key(fitting[-1], listing.order) if len(fitting) < len(found) else None
    return Page(fitting, encode(listing.name, last) if last else None)


async def fetch(connection: AsyncConnection, query: str, values: Values) -> list[RowMapping]:
    return list((await connection.execute(text(query), values)).mappings())


def _fitting(found: list[RowMapping], max_bytes: int) -> list[RowMapping]:
    totals = accumulate(row["size"] for row in found)
    return found[: max(1, sum(total <= max_bytes for total in totals))]


def _key(row: RowMapping, order: Order) -> Key:
    value, ident = (row[name.partition(".")[2]] for name in order[:2])
    return Key(value, UUID(str(ident)))
