"""Streams a zip archive with one batch of files in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from services.gateway.downloads.zip_format import Zip

MEDIA_TYPE = "application/zip"

Entry = tuple[str, bytes]
Batches = AsyncIterator[Sequence[Entry]]


async def zipped(
    batches: Batches, now: datetime, slot: AbstractAsyncContextManager[None]
) -> AsyncIterator[bytes]:
    """The bytes of a zip of `(name, content)`.

    Names must differ; `/` separates folders. `slot` is held while a batch is read and compressed,
    not while it is sent. An error cuts the archive off before its directory, so that it can't be
    opened.
    """
    archive = Zip(now)
    while True:
        async with slot:
            batch = await anext(batches, None)
            if batch is None:
                break
            piece = await asyncio.to_thread(_pack, archive, batch)
        if piece:
            yield piece
    for piece in archive.end():
        yield piece


def _pack(archive: Zip, batch: Sequence[Entry]) -> bytes:
    return b"".join(archive.entry(name, content) for name, content in batch)
