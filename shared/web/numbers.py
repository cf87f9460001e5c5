"""Integers in URLs."""

import re
from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator

_DIGITS = re.compile("[0-9]{1,19}")


def _plain(value: Any) -> Any:
    """Pydantic would also accept `1_000`, ` 1`, `+1.0` and non-ASCII digits."""
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("digits only")
    return value


Number = Annotated[int, BeforeValidator(_plain)]
VersionNumber = Annotated[Number, Query(ge=1, lt=2**31)]
