"""Parses the replies of a mail server on an open connection."""

import asyncio
import re
from collections import deque
from typing import NamedTuple

from aiosmtplib import SMTPResponseException, SMTPServerDisconnected

MAX_LINE = 8 * 1024  # octets; RFC 5321 4.5.3.1.5 allows 512
MAX_UNREAD = 32 * 1024  # octets
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?")  # RFC 5321 4.2
_UNREADABLE = -1  # the code aiosmtplib gives a line that is not SMTP


class Reply(NamedTuple):
    """A reply of one or more lines."""

    code: int
    text: str


class ReplyReader(asyncio.Protocol):
    """Takes over a connection from aiosmtplib, whose own protocol reads one reply at a time.

    With `PIPELINING` several replies may arrive in one packet (RFC 2920 3.1).
    """

    def __init__(self) -> None:
        self._rest, self._code, self._lines = b"", b"", list[bytes]()
        self._replies = deque[Reply]()
        self._end: Exception | None = None
        self._arrived = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Whether the connection is open and no unread reply has arrived."""
        return self._end is None and not (self._replies or self._lines or self._rest)

    async def next(self) -> Reply:
        """The next reply.

        Raises:
            SMTPServerDisconnected: the connection ended before it.
            SMTPResponseException: what came is not SMTP, or has no end.
        """
        while not self._replies:
            if self._end is not None:
                raise self._end
            self._arrived.clear()
            await self._arrived.wait()
        return self._replies.popleft()

    def data_received(self, data: bytes) -> None:
        if self._end is not None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._end is None:
                self._read(line.rstrip(b"\r"))
        unread = len(self._rest) + sum(map(len, self._lines))
        if unread > MAX_UNREAD or len(self._replies) > MAX_UNREAD // 100:
            self._close_with(SMTPResponseException(_UNREADABLE, "a reply without an end"))
        self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._close_with(SMTPServerDisconnected("Connection lost"), exc)

    def _read(self, line: bytes) -> None:
        read = _LINE.fullmatch(line) if len(line) <= MAX_LINE else None
        if read is None or (self._lines and read[1] != self._code):  # RFC 5321 4.2.1
            return self._close_with(SMTPResponseException(_UNREADABLE, "not SMTP"))
        self._code = read[1]
        self._lines.append((read[3] or b"").strip())
        if read[2] != b"-":
            text = b"\n".join(self._lines).decode("utf-8", "surrogateescape")
            self._replies.append(Reply(int(read[1]), text))
            self._lines.clear()
        return None

    def _close_with(self, end: Exception, cause: Exception | None = None) -> None:
        if self._end is None:
            end.__cause__ = cause
            self._end = end
        self._arrived.set()
