"""Cursors: what we gave out we take back, for the same list, and nothing else."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reports.queries.cursor import MAX_LENGTH, CursorInvalid, Key, Value, decode, encode
from tests.support.events import NOON

LIST = "files by something"
SOME_ID = UUID("5b62aebd-9760-476f-94c3-ae3a02036fb4")
KINDS = get_args(Value)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=100)
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1)


@given(st.datetimes(timezones=st.just(UTC)) | NUMBERS | TEXT, st.uuids())
def test_a_cursor_comes_back_as_it_was(value: Value, ident: UUID) -> None:
    key = Key(value, ident)
    assert decode(LIST, type(value), encode(LIST, key)) == key


def test_a_cursor_of_the_longest_name_fits_the_limit_and_an_address() -> None:
    for letter in "ЯüﬃΐW🐍":
        cursor = encode(LIST, Key((letter * 100).casefold(), uuid4()))
        assert len(cursor) <= MAX_LENGTH
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
        assert set(cursor) <= set(letters)


def test_a_cursor_of_another_list_is_none_of_this_one() -> None:
    cursor = encode("files by size", Key("a.py", SOME_ID))
    with pytest.raises(CursorInvalid):
        decode("files by name", str, cursor)


def _encoded(text: str, ident: object = SOME_ID) -> str:
    digest = hashlib.sha256(LIST.encode()).hexdigest()[:12]
    return base64.urlsafe_b64encode(f"{digest} {ident} {text}".encode()).decode()


def test_the_garbage_below_is_refused_for_what_is_wrong_with_it() -> None:
    assert decode(LIST, str, _encoded("a b.py")) == Key("a b.py", SOME_ID)
    assert decode(LIST, int, _encoded("17")) == Key(17, SOME_ID)
    assert decode(LIST, datetime, _encoded(NOON.isoformat())) == Key(NOON, SOME_ID)


@pytest.mark.parametrize(
    "garbage",
    [
        "x",
        "=",
        "====",
        "AAAA",
        "%%%",
        "курсор",
        "\0",
        "-1",
        str(2**63),
        "1_000",
        "' OR 1=1 --",
        base64.urlsafe_b64encode(b"").decode(),
        base64.urlsafe_b64encode(b"  ").decode(),
        base64.urlsafe_b64encode(b"\xff \xed\xa0\x80 \xfe").decode(),
        _encoded("a.py", "17"),
        _encoded("a.py", str(SOME_ID).upper()),
        _encoded("a.py", SOME_ID.hex),
        _encoded("a\0.py"),
        _encoded("a.py") + "=",
        "!" + _encoded("a.py"),
        "A" * 200,
    ],
    ids=lambda garbage: repr(garbage[:20]),
)
def test_garbage_is_no_cursor(garbage: str) -> None:
    for kind in KINDS:
        with pytest.raises(CursorInvalid):
            decode(LIST, kind, garbage)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (datetime, "yesterday"),
        (datetime, ""),
        (datetime, "2026-11-22T12:00:00"),
        (datetime, "2026-11-22T12:00:00+03:00"),
        (datetime, "2026-11-22T12:00:00Z"),
        (datetime, "2026-13-45T12:00:00+00:00"),
        (datetime, "99999-01-01T00:00:00+00:00"),
        (datetime, "0001-01-01T00:00:00+14:00"),
        (int, ""),
        (int, "1_000"),
        (int, " 1"),
        (int, "٣"),
        (int, "-0"),
        (int, "1.5"),
        (int, "NaN"),
        (int, str(2**63)),
        (int, str(-(2**63) - 1)),
        (int, "9" * 5000),
    ],
    ids=lambda part: part[:30] if isinstance(part, str) else part.__name__,
)
def test_a_key_that_we_would_not_write_is_none(kind: type[Value], value: str) -> None:
    with pytest.raises(CursorInvalid):
        decode(LIST, kind, _encoded(value))


@given(st.text(max_size=200), st.sampled_from(KINDS))
def test_no_text_at_all_breaks_the_reading(text: str, kind: type[Value]) -> None:
    with pytest.raises(CursorInvalid):
        decode(LIST, kind, text)
