"""A zip archive made while it is sent: at most one batch of its files is in memory."""

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

    Names must differ; `/` makes folders. Each batch is read and packed in a turn, which is over
    while it is sent. An error while reading breaks the archive off, so that nobody takes a part of
    it for the whole.
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
