"""A zip archive made while it is sent: at most one of its files is in memory."""

import asyncio
import zipfile
from collections.abc import AsyncIterator
from datetime import datetime

MEDIA_TYPE = "application/zip"
_READABLE = 0o644 << 16  # a file's rights, as Unix keeps them in a zip


async def zipped(entries: AsyncIterator[tuple[str, bytes]], now: datetime) -> AsyncIterator[bytes]:
    """The bytes of a zip of `(name, content)`.

    Names must differ; `/` makes folders. An error while reading `entries` breaks the archive off,
    so that nobody takes a part of it for the whole.
    """
    sink = _Sink()
    archive = zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED)
    async for name, content in entries:
        await asyncio.to_thread(archive.writestr, _entry(name, now), content)
        if piece := sink.taken():
            yield piece
    archive.close()
    yield sink.taken()


def _entry(name: str, now: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, now.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = _READABLE
    return entry


class _Sink:
    """Where `ZipFile` writes to. It can't seek, so sizes follow the contents, as zip allows."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        """What was written since the last call."""
        piece = bytes(self._written)
        self._written.clear()
        return piece
