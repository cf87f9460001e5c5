"""From what ruff said about a file, with and without what the file silences, to its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from services.checker.linting.diagnostics import Diagnostic, FileNotes
from services.checker.linting.isolate_failures import Notes, RuffFailure
from services.checker.linting.sources import Source

Key = TypeVar("Key")

_MAX_QUOTED_LINE = 1000  # characters


@dataclass(frozen=True)
class RuffResult:
    """The complete answer about one file.

    `diagnostics` are at most 500, the heaviest, in the order of the file; `totals` counts all by
    code. With a syntax error that error is the only diagnostic: ruff can't judge the rest.
    """

    diagnostics: tuple[Diagnostic, ...]
    totals: Mapping[str, int]
    suppressed: int = 0
    syntax_error: bool = False
    seconds: float = field(default=0.0, compare=False)  # in which ruff was busy with the file

    @property
    def truncated(self) -> bool:
        return len(self.diagnostics) < sum(self.totals.values())


def silenced_among(readable: Sequence[Source], notes: Notes) -> list[Source]:
    """The files that may have suppressed findings to count."""
    return [
        source
        for source in readable
        if _parsed(notes.get(source.name)) and source.mentions_suppression
    ]


def _parsed(found: FileNotes | RuffFailure | None) -> bool:
    return isinstance(found, FileNotes) and found.syntax_error is None


def results(
    notes: Notes, loud: Notes, keys: Mapping[str, tuple[Key, Source]]
) -> dict[Key, RuffResult | RuffFailure]:
    return {
        key: _result(source, notes[name], loud.get(name))
        for name, (key, source) in keys.items()
        if name in notes
    }


def _result(
    source: Source, found: FileNotes | RuffFailure, loud: FileNotes | RuffFailure | None
) -> RuffResult | RuffFailure:
    if isinstance(found, RuffFailure):
        return found
    if isinstance(loud, RuffFailure):
        return loud
    everything, seconds = loud or found, found.seconds + (loud.seconds if loud else 0)
    if found.syntax_error:
        error = _quote([found.syntax_error], source)
        totals = {found.syntax_error.code: 1}
        return RuffResult(error, totals, syntax_error=True, seconds=seconds)
    suppressed = (everything.totals - found.totals).total()
    return RuffResult(_quote(found.worst(), source), found.totals, suppressed, seconds=seconds)


def _quote(found: Sequence[Diagnostic], source: Source) -> tuple[Diagnostic, ...]:
    """Add to each the line of source it is about."""
    lines = source.lines if found else []
    return tuple(one._replace(line=_line(lines, one.row)) for one in found)


def _line(lines: Sequence[str], row: int) -> str:
    return lines[row - 1][:_MAX_QUOTED_LINE] if 0 < row <= len(lines) else ""
