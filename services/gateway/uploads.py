"""Reads `multipart/form-data` (RFC 7578) in memory, each file no further than the limit.

Our own on purpose: the frameworks' reader writes larger parts to disk, takes the last of two
`filename=` for the name and guesses where a name is not UTF-8.
"""

from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.gateway.disposition import part_names
from services.gateway.errors import (
    FileNameMissing,
    FileTooLarge,
    TooManyFiles,
    TooManyParts,
    UnsupportedMediaType,
    UploadInvalid,
)

MAX_PARTS = 100
MAX_HEADER = 64 * 1024  # bytes; a part has at most eight
MAX_FIELD = 10_000  # bytes of a part that is no file


@dataclass
class Part:
    """A part of a form: a file when it has a file name."""

    disposition: bytes = b""
    field_name: str = ""
    filename: str | None = None
    content: bytearray = field(default_factory=bytearray)
    too_large: bool = False


async def read_parts(
    request: Request, max_file_bytes: int, max_files: int, *, stop_at_limit: bool = False
) -> list[Part]:
    """All parts of the body.

    A file beyond the limit is only marked, its rest dropped, and the other files are read on;
    with `stop_at_limit` it ends the reading with `FileTooLarge`.
    """
    reader = _Reader(max_file_bytes, max_files, stop_at_limit=stop_at_limit)
    parser = MultipartParser(_boundary(request), reader.callbacks(), max_header_size=MAX_HEADER)
    try:
        async for chunk in request.stream():
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise UploadInvalid from None
    if not reader.is_complete:
        raise UploadInvalid
    return reader.parts


async def only_file(request: Request, max_file_bytes: int) -> Part:
    """The one part of the form, called `file`, of the public API."""
    parts = await read_parts(request, max_file_bytes, 2, stop_at_limit=True)
    if len(parts) != 1 or parts[0].field_name != "file":
        raise UploadInvalid
    if not parts[0].filename:
        raise FileNameMissing
    return parts[0]


class _Reader:
    def __init__(self, max_file_bytes: int, max_files: int, *, stop_at_limit: bool) -> None:
        self.parts: list[Part] = []
        self.is_complete = False
        self._limit, self._most, self._stop = max_file_bytes, max_files, stop_at_limit
        self._name, self._value = b"", b""

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) >= MAX_PARTS:
            raise TooManyParts
        self.parts.append(Part())

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            if self.parts[-1].disposition:
                raise UploadInvalid
            self.parts[-1].disposition = self._value
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        part = self.parts[-1]
        part.field_name, part.filename = part_names(part.disposition)
        if sum(one.filename is not None for one in self.parts) > self._most:
            raise TooManyFiles(limit=self._most)

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self.parts[-1]
        limit = MAX_FIELD if part.filename is None else self._limit
        if part.too_large:
            return
        if len(part.content) + end - start <= limit:
            part.content += data[start:end]
            return
        if self._stop or part.filename is None:
            raise FileTooLarge(limit=limit)
        part.too_large = True
        part.content.clear()

    def _end(self) -> None:
        self.is_complete = True


def _boundary(request: Request) -> bytes:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise UnsupportedMediaType
    return boundary
