"""What ruff says about each file of a run, read as it comes and kept within bounds."""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

from pydantic import AliasPath, Field, TypeAdapter

from services.checker.rules import tier
from shared.contracts.checker import Tier

MAX_KEPT = 500  # findings a file keeps in full; the others are counted
MAX_MESSAGE = 500  # characters; ruff quotes names, and a name can be a megabyte long
_MAX_LINE = 16 << 20  # bytes; ruff repeats half a megabyte of source inside one proposed fix
# The start of a line, enough to count it: half a million findings parse in 1 s instead of 5 s.
_HEAD = re.compile(
    rb'\{"cell":null,"code":"([\w-]+)","end_location":\{"column":\d+,"row":\d+\},'
    rb'"filename":"[^"\\]*/(\w+\.py)",'
)
_SYNTAX_ERROR = "invalid-syntax"
_IO_ERROR = "E902"
# NUL is refused by the database, a line break would end a mail's header or a log's line.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Diagnostic(NamedTuple):
    """One thing ruff found. Rows and columns start at 1; columns count characters."""

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
class _Told:
    """What of a line of ruff's is of use. Most findings have no `fix`."""

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


# Pydantic reads a line in a third of the time that `json` and looking at it would take.
_TOLD = TypeAdapter(_Told)


def _diagnostic(told: _Told) -> Diagnostic:
    return Diagnostic(
        told.code, told.name, _sentence(told.message), told.row, told.column, told.end_row,
        told.end_column, told.url, _sentence(told.fix) if told.fix else None,
    )  # fmt: skip


@dataclass
class FileNotes:
    """What was said about one file. Blockers are kept first, so that style can't hide them."""

    totals: Counter[str] = field(default_factory=Counter)
    kept: dict[Tier, list[Diagnostic]] = field(default_factory=dict)
    syntax_error: Diagnostic | None = None
    unreadable: bool = False
    size: int = 0  # bytes of output about it
    seconds: float = 0.0  # in which ruff was busy with it

    def wants(self, code: str) -> bool:
        """Whether the whole finding is of use; otherwise it is only counted."""
        if code == _SYNTAX_ERROR:
            return self.syntax_error is None
        return len(self.kept.get(tier(code), ())) < MAX_KEPT

    def add(self, told: _Told) -> None:
        code = told.code
        if self.wants(code):
            self._keep(code, _diagnostic(told))
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
        return sorted(by_weight[:MAX_KEPT], key=lambda found: found.place)


class DiagnosticsReader:
    """Takes ruff's `json-lines` in pieces of any size and files them by the name of the file."""

    def __init__(self, names: Collection[str]) -> None:
        self.files = {name: FileNotes() for name in names}
        self._rest = bytearray()

    def read(self, chunk: bytes) -> None:
        """Raises ValueError for anything but findings in the files we know."""
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
        """The file most of the output is about."""
        name, notes = max(self.files.items(), key=lambda item: item[1].size)
        return name if notes.size else None

    def _read_line(self, line: bytes) -> None:
        head = _HEAD.match(line)
        notes = self.files.get(head[2].decode()) if head else None
        code = head[1].decode() if head else ""
        if notes and not notes.wants(code):
            notes.totals[code] += 1
        else:
            notes = self._read_whole(line)
        notes.size += len(line)

    def _read_whole(self, line: bytes) -> FileNotes:
        told = _TOLD.validate_json(line, strict=True)
        notes = self.files.get(told.filename.rpartition("/")[2])
        if notes is None:
            raise ValueError("Not about a file of this run")
        notes.add(told)
        return notes
