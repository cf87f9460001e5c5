"""Writes a zip entry by entry (PKWARE APPNOTE 6.3.10).

The directory is kept compressed; the standard library keeps half a kilobyte for each entry.
"""

import struct
import zlib
from collections.abc import Iterator
from datetime import datetime

LEVEL = 1  # of deflate: takes a third of the time of level 6
_STEP = 64 * 1024  # bytes of the compressed directory per step

_LOCAL = struct.Struct("<4s5H3L2H")  # §4.3.7
_CENTRAL = struct.Struct("<4s6H3L5H2L")  # §4.3.12
_END_64 = struct.Struct("<4sQ2H2L4Q")  # §4.3.14
_LOCATOR_64 = struct.Struct("<4sLQL")  # §4.3.15
_END = struct.Struct("<4s4H2LH")  # §4.3.16
_OFFSET_64 = struct.Struct("<2HQ")  # §4.5.3
_VERSION, _UNIX = 45, 3 << 8
_UTF_8, _DEFLATED = 0x800, 8
_MOST_16, _MOST_32 = 0xFFFF, 0xFFFFFFFF
_READABLE = 0o644 << 16  # Unix file mode


class Zip:
    """Encodes entries, and keeps the compressed central directory for the end."""

    def __init__(self, now: datetime, offset: int = 0) -> None:
        """All entries get the time `now`; `offset` bytes precede the archive."""
        self._time = now.hour << 11 | now.minute << 5 | now.second // 2
        self._date = (now.year - 1980) << 9 | now.month << 5 | now.day
        self._offset, self._entries, self._size = offset, 0, 0
        self._packer, self._packed = zlib.compressobj(LEVEL), bytearray()

    def entry(self, name: str, content: bytes) -> bytes:
        """Encode a file of less than 4 GiB; `/` in its name separates folders."""
        deflate = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
        data = deflate.compress(content) + deflate.flush()
        path = name.encode()
        head = (_VERSION, _UTF_8, _DEFLATED, self._time, self._date)
        about = (zlib.crc32(content), len(data), len(content), len(path))
        self._remember(path, (*head, *about))
        made = _LOCAL.pack(b"PK\3\4", *head, *about, 0) + path + data
        self._offset += len(made)
        return made

    def end(self) -> Iterator[bytes]:
        """The central directory and the end records."""
        self._packed += self._packer.flush()
        unpacker = zlib.decompressobj()
        for start in range(0, len(self._packed), _STEP):
            yield unpacker.decompress(self._packed[start : start + _STEP])
        count, size, begin = self._entries, self._size, self._offset
        if count >= _MOST_16 or begin + size >= _MOST_32:
            where = (count, count, size, begin)
            yield _END_64.pack(b"PK\6\6", _END_64.size - 12, _VERSION, _VERSION, 0, 0, *where)
            yield _LOCATOR_64.pack(b"PK\6\7", 0, begin + size, 1)
        few = min(count, _MOST_16)
        yield _END.pack(b"PK\5\6", 0, 0, few, few, min(size, _MOST_32), min(begin, _MOST_32), 0)

    def _remember(self, path: bytes, facts: tuple[int, ...]) -> None:
        far = self._offset >= _MOST_32
        extra = _OFFSET_64.pack(1, 8, self._offset) if far else b""
        place = (len(extra), 0, 0, 0, _READABLE, min(self._offset, _MOST_32))
        record = _CENTRAL.pack(b"PK\1\2", _UNIX | _VERSION, *facts, *place) + path + extra
        self._entries, self._size = self._entries + 1, self._size + len(record)
        self._packed += self._packer.compress(record)
