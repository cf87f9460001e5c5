"""From the diagnostics of a file, with and without its suppression comments, to its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from services.checker.linting.diagnostics import Diagnostic, FileDiagnostics
from services.checker.linting.isolate_failures import RuffFailure, RunOutput
from services.checker.linting.sources import Source

Key = TypeVar("Key")

_MAX_QUOTED_LINE = 1000  # characters


@dataclass(frozen=True)
class RuffResult:
    """The complete result of one file.

    `diagnostics` are at most 500, the heaviest, in the order of the file; `totals` counts all by
    code. With a syntax error that error is the only diagnostic: ruff can't check the rest.
    """

    diagnostics: tuple[Diagnostic, ...]
    totals: Mapping[str, int]
    suppressed: int = 0
    syntax_error: bool = False
    seconds: float = field(default=0.0, compare=False)  # of the processor

    @property
    def truncated(self) -> bool:
        return len(self.diagnostics) < sum(self.totals.values())


def with_suppressions(sources: Sequence[Source], output: RunOutput) -> list[Source]:
    """The files that may have suppressed findings to count."""
    return [
        source
        for source in sources
        if _was_parsed(output.get(source.name)) and source.mentions_suppression
    ]


def _was_parsed(found: FileDiagnostics | RuffFailure | None) -> bool:
    return isinstance(found, FileDiagnostics) and found.syntax_error is None


def ruff_results(
    output: RunOutput, unsuppressed: RunOutput, keys: Mapping[str, tuple[Key, Source]]
) -> dict[Key, RuffResult | RuffFailure]:
    """Results by key. `unsuppressed` is the output for files with suppression comments, ignored."""
    return {
        key: _result(source, output[name], unsuppressed.get(name))
        for name, (key, source) in keys.items()
        if name in output
    }


def _result(
    source: Source,
    found: FileDiagnostics | RuffFailure,
    unsuppressed: FileDiagnostics | RuffFailure | None,
) -> RuffResult | RuffFailure:
    if isinstance(found, RuffFailure):
        return found
    if isinstance(unsuppressed, RuffFailure):
        return unsuppressed
    seconds = found.seconds + (unsuppressed.seconds if unsuppressed else 0)
    if found.syntax_error:
        error = _quote([found.syntax_error], source)
        totals = {found.syntax_error.code: 1}
        return RuffResult(error, totals, syntax_error=True, seconds=seconds)
    suppressed = ((unsuppressed or found).totals - found.totals).total()
    return RuffResult(_quote(found.worst(), source), found.totals, suppressed, seconds=seconds)


def _quote(found: Sequence[Diagnostic], source: Source) -> tuple[Diagnostic, ...]:
    """Add to each diagnostic the line of source that it is about."""
    lines = source.lines if found else []
    return tuple(one._replace(line=_line(lines, one.row)) for one in found)


def _line(lines: Sequence[str], row: int) -> str:
    return lines[row - 1][:_MAX_QUOTED_LINE] if 0 < row <= len(lines) else ""
