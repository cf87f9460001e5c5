"""The values of the templates: the first findings, shortened, in the order to fix them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from services.notifier.mail.check_result.excerpt import (
    SHOWN_FINDINGS,
    SHOWN_FIXED,
    TIERS,
    in_order,
    listed,
)
from services.notifier.mail.printable import printable
from shared.contracts.checker import (
    CheckFailed,
    Counts,
    FailureReason,
    FileChecked,
    Finding,
    FixedFinding,
    Tier,
    Verdict,
)

MAX_MESSAGE = 200  # characters: 20 findings in any letters stay below 100 KiB
LONG_TALLY = 1000  # with such a number four tallies in a row may be wider than a phone


class FindingLine(NamedTuple):
    """A line about a finding. `mark` is empty where all findings would have the same."""

    row: int
    code: str
    message: str
    mark: Literal["new", "reopened", ""] = ""


@dataclass(frozen=True)
class Group:
    """The shown findings of one tier, and the total of that tier."""

    tier: Tier
    total: int
    lines: Sequence[FindingLine]


@dataclass(frozen=True)
class CheckView:
    """All values that the templates use, printable. No `failure` means that the check succeeded.

    `listed` is the length of a truncated list of findings; 0 for a complete one.
    """

    verdict: Verdict | Literal["failed"]
    file_name: str
    version: int
    engine: str
    checked_at: datetime
    permalink: str
    home: str
    failure: FailureReason | None
    syntax_error: FindingLine | None
    counts: Counts
    listed: int
    groups: Sequence[Group]
    fixed: Sequence[FindingLine]

    @property
    def tallies(self) -> list[tuple[str, int]]:
        counts = self.counts
        back = [("reopened", counts.reopened)] if counts.reopened else []
        return [("new", counts.new), *back, ("fixed", counts.fixed), ("left", counts.total)]

    @property
    def tally_rows(self) -> list[list[tuple[str, int]]]:
        """The tallies by row; four long ones in a row can be wider than a phone."""
        tallies = self.tallies
        if max(n for _, n in tallies) < LONG_TALLY:
            return [tallies]
        return [tallies[:2], tallies[2:]]

    @property
    def hidden(self) -> int:
        """Number of findings that only the report shows; none beside a syntax error."""
        shown = sum(len(group.lines) for group in self.groups)
        return 0 if self.syntax_error else (self.listed or self.counts.total) - shown

    @property
    def hidden_fixed(self) -> int:
        return self.counts.fixed - len(self.fixed)


def view_of(check: FileChecked | CheckFailed, public_url: str) -> CheckView:
    home = public_url.rstrip("/")
    checked = check if isinstance(check, FileChecked) else None
    broken = checked is not None and checked.outcome == "syntax_error"
    findings = in_order(checked.findings) if checked else []
    return CheckView(
        verdict=checked.verdict if checked else "failed",
        file_name=printable(check.file_name, 100),
        version=check.version,
        engine=printable(check.engine, 60),
        checked_at=check.started_at + timedelta(milliseconds=check.duration_ms),
        permalink=f"{home}/checks/{check.check_id}",
        home=home,
        failure=check.reason if isinstance(check, CheckFailed) else None,
        syntax_error=_line(findings[0], marked=False) if broken and findings else None,
        counts=checked.counts if checked else Counts(),
        listed=listed(checked) if checked and checked.truncated else 0,
        groups=_groups(findings, checked.counts) if checked and not broken else [],
        fixed=_fixed_lines(checked.fixed) if checked and not broken else [],
    )


def _groups(findings: Sequence[Finding], counts: Counts) -> list[Group]:
    totals = {"blocker": counts.blocker, "warning": counts.warning, "note": counts.note}
    shown, marked = findings[:SHOWN_FINDINGS], counts.new < counts.total
    return [
        Group(tier, totals[tier], [_line(one, marked=marked) for one in shown if one.tier == tier])
        for tier in TIERS
        if any(one.tier == tier for one in shown)
    ]


def _line(finding: Finding, *, marked: bool) -> FindingLine:
    message = printable(finding.message, MAX_MESSAGE)
    mark = finding.change if marked and finding.change != "still" else ""
    return FindingLine(finding.row, printable(finding.code, 20), message, mark)


def _fixed_lines(fixed: Sequence[FixedFinding]) -> list[FindingLine]:
    return [
        FindingLine(0, printable(one.code, 20), printable(one.message, MAX_MESSAGE))
        for one in fixed[:SHOWN_FIXED]
    ]
