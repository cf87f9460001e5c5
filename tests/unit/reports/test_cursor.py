"""Cursors: what we gave out we take back, and nothing else."""

import base64
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reports.cursor import CursorInvalid, decode, encode
from tests.support.events import NOON

SOME_ID = "5b62aebd-9760-476f-94c3-ae3a02036fb4"


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
)
def test_a_cursor_comes_back_as_it_was(moment: datetime, ident: object) -> None:
    key = (moment, uuid4())
    assert decode(encode(key)) == key


def test_a_cursor_fits_the_limit_of_the_interface_and_an_address() -> None:
    far = NOON.replace(microsecond=999_999, tzinfo=timezone(timedelta(hours=14)))
    cursor = encode((far, uuid4()))
    assert len(cursor) <= 200
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


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
        _encoded(""),
        _encoded(" "),
        _encoded("yesterday x"),
        _encoded(f"{NOON.isoformat()}"),
        _encoded(f"{NOON.isoformat()} "),
        _encoded(f"{NOON.isoformat()} 17"),
        _encoded(f"{SOME_ID} {NOON.isoformat()}"),
        _encoded(f"2026-11-22T12:00:00 {SOME_ID}"),
        _encoded(f"2026-13-45T12:00:00+00:00 {SOME_ID}"),
        _encoded(f"99999-01-01T00:00:00+00:00 {SOME_ID}"),
        _encoded(f"{NOON.isoformat()} {SOME_ID} more"),
        _encoded("\udcff".encode("utf-8", "surrogatepass").decode("latin-1")),
        "A" * 200,
    ],
    ids=lambda garbage: repr(garbage[:20]),
)
def test_garbage_is_no_cursor(garbage: str) -> None:
    with pytest.raises(CursorInvalid):
        decode(garbage)


@given(st.text(max_size=200))
def test_no_text_at_all_breaks_the_reading(text: str) -> None:
    try:
        moment, _ = decode(text)
    except CursorInvalid:
        return
    assert moment.tzinfo is not None
