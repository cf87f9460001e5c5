"""Query parameters of paginated lists."""

from typing import Annotated

from fastapi import Query

from shared.web.numbers import Number

Limit = Annotated[Number, Query(ge=1, le=200)]
MAX_CURSOR = 1000  # characters: the cursor of a list sorted by name holds a name
