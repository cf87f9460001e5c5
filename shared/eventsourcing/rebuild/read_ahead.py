"""Reads the next page while the last one is worked on."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def read_ahead(pages: AsyncIterator[T]) -> AsyncGenerator[T]:
    """The same pages; each is read while the caller works on the one before."""
    reading = asyncio.create_task(_next(pages))
    try:
        while (page := await reading) is not None:
            reading = asyncio.create_task(_next(pages))
            yield page
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reading


async def _next(pages: AsyncIterator[T]) -> T | None:
    return await anext(pages, None)
