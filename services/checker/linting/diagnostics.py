"""Reads the diagnostics that ruff prints about each file of a run, within bounds."""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

from pydantic import AliasPath, Field, TypeAdapter

from services.checker.rules import tier
from shared.contracts.checker import Tier

MAX_DIAGNOSTICS = 500  # of a file that are kept in full; the others are counted
MAX_MESSAGE = 500  # characters; ruff quotes names, and a name can be a megabyte long
_MAX_LINE = 16 << 20  # bytes; ruff repeats half a megabyte of source inside one proposed fix
# Enough of a line to count it: half a million diagnostics are read in 1 s instead of 5 s.
_LINE_START = re.compile(
    rb'\{"cell":null,"code":"([\w-]+)","end_location":\{"column":\d+,"row":\d+\},'
    rb'"filename":"[^"\\]*/(\w+\.py)",'
)
_SYNTAX_ERROR = "invalid-syntax"
_IO_ERROR = "E902"
# NUL is refused by the database, a line break would end a mail's header or a log's line.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Diagnostic(NamedTuple):
    """One finding of ruff. Rows and columns start at 1; columns count characters."""

    code: str
    name: str
    message: str
    row: int
    column: int
    end_row: int
    end_column: int
    url: str | None
    fix: str | None
    line: str = ""

    @property
    def place(self) -> tuple[int, int, str]:
        return self.row, self.column, self.code


def _sentence(text: str) -> str:
    short = text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
    return _UNPRINTABLE.sub("\ufffd", short)


def _at(*path: str) -> Any:
    return Field(validation_alias=AliasPath(*path))


@dataclass(slots=True)
class _DiagnosticLine:
    """The fields of ruff's JSON that are used. Most diagnostics have no `fix`."""

    filename: str
    code: str
    name: str
    message: str
    row: Annotated[int, _at("location", "row")]
    column: Annotated[int, _at("location", "column")]
    end_row: Annotated[int, _at("end_location", "row")]
    end_column: Annotated[int, _at("end_location", "column")]
    url: str | None
    fix: Annotated[str | None, _at("fix", "message")] = None


# Pydantic takes a third of the time of `json` and validation by hand.
_LINE_ADAPTER = TypeAdapter(_DiagnosticLine)


def _diagnostic(line: _DiagnosticLine) -> Diagnostic:
    return Diagnostic(
        line.code, line.name, _sentence(line.message), line.row, line.column, line.end_row,
        line.end_column, line.url, _sentence(line.fix) if line.fix else None,
    )  # fmt: skip


@dataclass
class FileDiagnostics:
    """All diagnostics of one file. Those of each tier are kept apart: notes can't hide blockers."""

    totals: Counter[str] = field(default_factory=Counter)
    kept: dict[Tier, list[Diagnostic]] = field(default_factory=dict)
    syntax_error: Diagnostic | None = None
    unreadable: bool = False
    size: int = 0  # bytes of output about it
    seconds: float = 0.0  # of the processor that ruff took for it

    def wants(self, code: str) -> bool:
        """Whether a diagnostic is kept in full; otherwise it is only counted."""
        if code == _SYNTAX_ERROR:
            return self.syntax_error is None
        return len(self.kept.get(tier(code), ())) < MAX_DIAGNOSTICS

    def add(self, line: _DiagnosticLine) -> None:
        code = line.code
        if self.wants(code):
            self._keep(code, _diagnostic(line))
        self.totals[code] += 1

    def _keep(self, code: str, found: Diagnostic) -> None:
        if code == _IO_ERROR:
            self.unreadable = True
        elif code == _SYNTAX_ERROR:
            self.syntax_error = found
        else:
            self.kept.setdefault(tier(code), []).append(found)

    def worst(self) -> list[Diagnostic]:
        order: tuple[Tier, ...] = ("blocker", "warning", "note")
        by_weight = [found for weight in order for found in self.kept.get(weight, [])]
        return sorted(by_weight[:MAX_DIAGNOSTICS], key=lambda found: found.place)


class DiagnosticsReader:
    """Parses ruff's `json-lines` in pieces of any size, and collects them by file name."""

    def __init__(self, names: Collection[str]) -> None:
        self.files = {name: FileDiagnostics() for name in names}
        self._rest = bytearray()

    def read(self, chunk: bytes) -> None:
        """Raises ValueError for anything but diagnostics of the files of this run."""
        complete, newline, rest = chunk.rpartition(b"\n")
        if newline:
            for line in (bytes(self._rest) + complete).split(b"\n"):
                self._read_line(line)
            self._rest = bytearray(rest)
        else:
            self._rest += rest
            if len(self._rest) > _MAX_LINE:
                raise ValueError("A line without end")

    @property
    def finished(self) -> bool:
        return not self._rest

    @property
    def longest(self) -> str | None:
        """The name of the file that most of the output is about."""
        name, found = max(self.files.items(), key=lambda item: item[1].size)
        return name if found.size else None

    def _read_line(self, line: bytes) -> None:
        head = _LINE_START.match(line)
        found = self.files.get(head[2].decode()) if head else None
        code = head[1].decode() if head else ""
        if found and not found.wants(code):
            found.totals[code] += 1
        else:
            found = self._read_whole(line)
        found.size += len(line)

    def _read_whole(self, line: bytes) -> FileDiagnostics:
        read = _LINE_ADAPTER.validate_json(line, strict=True)
        found = self.files.get(read.filename.rpartition("/")[2])
        if found is None:
            raise ValueError("Not about a file of this run")
        found.add(read)
        return found
