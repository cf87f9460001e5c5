"""An error of the database ends in a log, so it must not say what was to be stored."""

import traceback
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.integration.conftest import Pools

SECRET = "ann@example.org"
STATEMENTS: dict[str, tuple[str, dict[str, Any] | list[dict[str, Any]]]] = {
    "one row": ("INSERT INTO nowhere (email) VALUES (:email)", {"email": SECRET}),
    "a fault while it runs": (
        "SELECT length(CAST(:email AS text)) / (length(CAST(:email AS text)) - 15)",
        {"email": SECRET},
    ),
    "many rows": ("INSERT INTO nowhere (email) VALUES (:email)", [{"email": SECRET}] * 3),
}


@pytest.mark.parametrize("kind", STATEMENTS)
async def test_an_error_names_the_statement_and_no_value(pools: Pools, kind: str) -> None:
    statement, values = STATEMENTS[kind]
    with pytest.raises(DBAPIError) as caught:
        async with pools("files").transaction() as connection:
            await connection.execute(text(statement), values)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert statement.partition(" ")[0] in told
    assert SECRET not in told
