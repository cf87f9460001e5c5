"""What a JSON body must be beyond what the framework asks of it."""

import json
from contextlib import suppress
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError


async def unambiguous(request: Request) -> None:
    """Refuse a name that comes twice: who reads such a body may take either value."""
    if getattr(request.scope["route"], "body_field", None) is not None:
        with suppress(ValueError, RecursionError):  # not JSON at all: the framework says so
            json.loads(await request.body(), object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RequestValidationError([{"loc": ("body",), "type": "repeated_name"}])
    return found
