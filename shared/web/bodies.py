"""What a JSON body must be beyond what its route asks of it."""

import json
import re
from typing import Any

from fastapi.exceptions import RequestValidationError

MAX_BODY = 64 * 1024  # bytes, unless a route says otherwise
MAX_NESTING = 20  # levels of lists and objects; our deepest body has two
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


def read_json(body: bytes) -> Any:
    """The value of a JSON text (RFC 8259), which is UTF-8.

    Raises `ValueError` for what is none, and `RequestValidationError` for lists in lists without
    end, whose reading would cost more than they are worth, and for a name that comes twice: who
    reads such a body may take either value.
    """
    text = body.decode("utf-8-sig")
    if _is_nested_deeper(text, MAX_NESTING):
        raise _refused("nesting")
    return json.loads(text, object_pairs_hook=_unique_names)


def _is_nested_deeper(text: str, limit: int) -> bool:
    """Look at brackets only, before anything is built; those within strings count for nothing."""
    depth = 0
    for mark in _BRACKETS.finditer(text):
        if mark[0] in "[{":
            depth += 1
            if depth > limit:
                return True
        elif mark[0] in "]}":
            depth -= 1
    return False


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _refused("repeated_name")
    return found


def _refused(kind: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("body",), "type": kind}])
