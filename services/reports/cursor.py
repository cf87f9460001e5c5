"""Keyset cursors: opaque to whoever holds one, checked when it comes back."""

import base64
import binascii
from datetime import datetime
from uuid import UUID

from shared.errors import Invalid

Key = tuple[datetime, UUID]


class CursorInvalid(Invalid):
    """This page of the list does not exist. Begin with the first."""

    code = "cursor_invalid"


def encode(key: Key) -> str:
    return base64.urlsafe_b64encode(f"{key[0].isoformat()} {key[1]}".encode()).decode()


def decode(cursor: str) -> Key:
    try:
        moment, _, ident = base64.urlsafe_b64decode(cursor).decode("ascii").partition(" ")
        when = datetime.fromisoformat(moment)
        if when.tzinfo is None:
            raise CursorInvalid
        return when, UUID(ident)
    except (binascii.Error, ValueError):
        raise CursorInvalid from None
