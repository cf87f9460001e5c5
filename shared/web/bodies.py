"""Strict parsing of JSON bodies."""

import json
import re
from typing import Any

from fastapi.exceptions import RequestValidationError

MAX_BODY = 64 * 1024  # bytes, unless a route sets its own limit
MAX_NESTING = 20  # levels of lists and objects; the deepest valid body has two
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


def read_json(body: bytes) -> Any:
    """Parse a JSON text (RFC 8259) in UTF-8.

    Raises `ValueError` if it is malformed, and `RequestValidationError` if it is nested too deeply
    or repeats a name in an object, as parsers differ in which value they take.
    """
    text = body.decode("utf-8-sig")
    if _is_nested_deeper(text, MAX_NESTING):
        raise _refused("nesting")
    return json.loads(text, object_pairs_hook=_unique_names)


def _is_nested_deeper(text: str, limit: int) -> bool:
    """Count brackets outside of strings, before the text is parsed."""
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
