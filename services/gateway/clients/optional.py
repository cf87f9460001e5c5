"""What the gateway's calls to services have in common."""

from collections.abc import Awaitable
from typing import TypeVar

import httpx2

from shared.errors import DomainError

T = TypeVar("T")
QUICK_TIMEOUT = httpx2.Timeout(1.0)  # seconds


async def if_possible(call: Awaitable[T]) -> T | None:
    """None where the answer can't be had, for pages that stand without it."""
    try:
        return await call
    except DomainError:
        return None
