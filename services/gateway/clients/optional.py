"""Calls whose result a page can do without."""

from collections.abc import Awaitable
from typing import TypeVar

import httpx2

from shared.errors import DomainError

T = TypeVar("T")
QUICK_TIMEOUT = httpx2.Timeout(1.0)  # seconds


async def if_possible(call: Awaitable[T]) -> T | None:
    """The result, or None on any error."""
    try:
        return await call
    except DomainError:
        return None
