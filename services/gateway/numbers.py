"""Whole numbers in addresses."""

import re
from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator

_DIGITS = re.compile("[0-9]{1,19}")


def _plain(value: Any) -> Any:
    """Pydantic alone would read `1_000`, ` 1` and `+1.0`."""
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("digits only")
    return value


Number = Annotated[int, BeforeValidator(_plain)]
VersionNumber = Annotated[Number, Query(ge=1, lt=2**31)]
Limit = Annotated[Number, Query(ge=1, le=200)]
MAX_CURSOR = 1000  # characters: the cursor of a list sorted by name holds a name
