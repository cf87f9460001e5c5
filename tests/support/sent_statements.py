"""Which statements a program sends to its database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from shared.db import Database


@contextmanager
def statements_of(database: Database) -> Iterator[list[str]]:
    """Those sent in the block, in order, without the beginnings and ends of transactions."""
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    event.listen(database.engine.sync_engine, "after_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine, "after_cursor_execute", note)
