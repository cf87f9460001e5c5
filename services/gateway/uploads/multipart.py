"""Parses `multipart/form-data` (RFC 7578) as a stream, part by part.

Starlette's parser is not used: it writes larger parts to disk, accepts a repeated `filename=`, and
guesses the encoding of names that are not UTF-8.
"""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from services.gateway.errors import (
    RequestTimeout,
    TooManyParts,
    UnsupportedMediaType,
    UploadInvalid,
)
from services.gateway.http.content_disposition import part_names
from shared.errors import DomainError

MAX_PARTS = 100
MAX_HEADER = 64 * 1024  # bytes; a part has at most eight


@dataclass(frozen=True)
class Part:
    """The headers of a part, which is a file if it has a file name."""

    field_name: str
    filename: str | None


class Form:
    """The parts of a request's body. Content that is not read is skipped."""

    def __init__(self, request: Request) -> None:
        self._arriving = request.stream()
        self._heads = _Heads()
        self._parser = _parser(_boundary(request), self._heads.callbacks())
        self._is_read = False
        self._trouble: DomainError | None = None

    async def next_part(self) -> Part | None:
        """None after the last one. Raises `UploadInvalid` for a malformed or incomplete form."""
        while await self._has_more():
            found = self._heads.ready.popleft()
            if isinstance(found, Part):
                return found
        return None

    async def content(self) -> AsyncIterator[bytes]:
        """The content of the part that `next_part` returned, once."""
        while await self._has_more() and isinstance(self._heads.ready[0], bytes):
            yield self._heads.ready.popleft()  # type: ignore[misc]

    async def _has_more(self) -> bool:
        while not self._heads.ready and not self._is_read:
            if self._trouble:
                raise self._trouble
            try:
                await self._read_on()
            except DomainError as error:
                self._trouble = error
                raise
        return bool(self._heads.ready)

    async def _read_on(self) -> None:
        try:
            self._parser.write(await anext(self._arriving))
        except StopAsyncIteration:
            if not self._heads.is_complete:
                raise UploadInvalid from None
            self._is_read = True
        except HTTPException as error:
            if error.status_code != RequestTimeout.status:
                raise
            raise RequestTimeout from None
        except (FormParserError, ClientDisconnect):
            raise UploadInvalid from None


class _Heads:
    """Collects the parser's output: parts, pieces of content, and None at the end of a part."""

    def __init__(self) -> None:
        self.ready: deque[Part | bytes | None] = deque()
        self.is_complete = False
        self._count = 0
        self._name = self._value = self._disposition = b""

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": lambda data, start, end: self.ready.append(data[start:end]),
            "on_part_end": lambda: self.ready.append(None),
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._count += 1
        if self._count > MAX_PARTS:
            raise TooManyParts
        self._disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            if self._disposition:
                raise UploadInvalid
            self._disposition = self._value
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        self.ready.append(Part(*part_names(self._disposition)))

    def _end(self) -> None:
        self.is_complete = True


def _parser(boundary: bytes, callbacks: Any) -> MultipartParser:
    try:
        return MultipartParser(boundary, callbacks, max_header_size=MAX_HEADER)
    except FormParserError:  # the boundary is too long
        raise UploadInvalid from None


def _boundary(request: Request) -> bytes:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise UnsupportedMediaType
    return boundary
