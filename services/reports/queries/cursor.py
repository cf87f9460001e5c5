"""Keyset cursors: opaque to clients, and validated when they come back."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from shared.errors import Invalid

Value = datetime | int | str
MAX_LENGTH = 1000  # characters; a name of 100 may take 800 of them


class Key(NamedTuple):
    """The position of a row in its list: the value the list is ordered by, then the id."""

    value: Value
    id: UUID


class CursorInvalid(Invalid):
    code = "cursor_invalid"


def encode(listing: str, key: Key) -> str:
    """Return a cursor that is valid for one list; the name of a list has its order and filters."""
    value = key.value.isoformat() if isinstance(key.value, datetime) else str(key.value)
    return base64.urlsafe_b64encode(f"{_digest(listing)} {key.id} {value}".encode()).decode()


def decode(listing: str, kind: type[Value], cursor: str) -> Key:
    """Return the key, whose value is of the given kind.

    Raises:
        CursorInvalid: `encode` has not made the cursor for this list.
    """
    try:
        _, ident, value = base64.urlsafe_b64decode(cursor).decode().split(" ", 2)
        key = Key(_READ[kind](value), UUID(ident))
    except ValueError:  # also what base64 and UTF-8 say
        raise CursorInvalid from None
    if encode(listing, key) != cursor:
        raise CursorInvalid
    return key


def _digest(listing: str) -> str:
    return hashlib.sha256(listing.encode()).hexdigest()[:12]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() != timedelta(0):
        raise CursorInvalid
    return moment.astimezone(UTC)


def _number(text: str) -> int:
    number = int(text)
    if number.bit_length() > 63:  # noqa: PLR2004 - a bigint
        raise CursorInvalid
    return number


def _text(text: str) -> str:
    if "\0" in text:
        raise CursorInvalid
    return text


_READ: Mapping[type[Value], Callable[[str], Value]] = {
    datetime: _moment,
    int: _number,
    str: _text,
}
