"""Every class of errors that Postgres knows has its place in the table."""

import pytest
from asyncpg import exceptions as pg

from shared.db.sqlstates import CLASSES, EXCEPTIONS, Meaning, meaning

KNOWN = {str(code) for kind in vars(pg).values() if (code := getattr(kind, "sqlstate", None))}


def test_every_class_the_driver_knows_is_in_the_table() -> None:
    assert len(KNOWN) > 200
    assert {code[:2] for code in KNOWN} <= CLASSES.keys()


def test_exceptions_are_codes_that_exist_and_differ_from_their_class() -> None:
    assert EXCEPTIONS.keys() <= KNOWN
    assert all(CLASSES[code[:2]] is not told for code, told in EXCEPTIONS.items())


@pytest.mark.parametrize("code", ["99000", "ZZ000", "", "2"])
def test_what_nobody_knows_proves_nothing_against_the_values(code: str) -> None:
    assert meaning(code) is Meaning.FAULT
