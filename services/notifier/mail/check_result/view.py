"""What the mail shows of a check: the first findings, short, in the order to fix them."""

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

LONGEST_MESSAGE = 200  # characters: 20 findings in any letters stay below 100 KiB
LONG_TALLY = 1000  # from here on four numbers beside each other may be wider than a phone


class ConnectionQueue(NamedTuple):
    """A finding. `mark` is empty where it would only repeat what is true of all of them."""

    row: int
    code: str
    message: str
    mark: Literal["new", "reopened", ""] = ""


@dataclass(frozen=True)
class Group:
    """The shown findings of one tier, and how many it has in truth."""

    tier: Tier
    total: int
    lines: Sequence[ConnectionQueue]


@dataclass(frozen=True)
class CheckView:
    """Everything the templates say, fit to print. No `failure` means that the check succeeded.

    `listed` is the length of a list of findings that is cut; 0 where it is whole.
    """

    verdict: Verdict | Literal["failed"]
    file_name: str
    version: int
    engine: str
    checked_at: datetime
    permalink: str
    home: str
    failure: FailureReason | None
    syntax_error: ConnectionQueue | None
    counts: Counts
    listed: int
    groups: Sequence[Group]
    fixed: Sequence[ConnectionQueue]

    @property
    def tallies(self) -> list[tuple[str, int]]:
        counts = self.counts
        back = [("reopened", counts.reopened)] if counts.reopened else []
        return [("new", counts.new), *back, ("fixed", counts.fixed), ("left", counts.total)]

    @property
    def tally_rows(self) -> list[list[tuple[str, int]]]:
        """The tallies as they stand beside each other; four long ones can be wider than a phone."""
        tallies = self.tallies
        if max(n for _, n in tallies) < LONG_TALLY:
            return [tallies]
        return [tallies[:2], tallies[2:]]

    @property
    def hidden(self) -> int:
        """Findings that only the report shows; beside a syntax error the others are noise."""
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
        syntax_error=_queue(findings[0], marked=False) if broken and findings else None,
        counts=checked.counts if checked else Counts(),
        listed=listed(checked) if checked and checked.truncated else 0,
        groups=_groups(findings, checked.counts) if checked and not broken else [],
        fixed=_fixed_lines(checked.fixed) if checked and not broken else [],
    )


def _groups(findings: Sequence[Finding], counts: Counts) -> list[Group]:
    totals = {"blocker": counts.blocker, "warning": counts.warning, "note": counts.note}
    shown, marked = findings[:SHOWN_FINDINGS], counts.new < counts.total
    return [
        Group(tier, totals[tier], [_queue(one, marked=marked) for one in shown if one.tier == tier])
        for tier in TIERS
        if any(one.tier == tier for one in shown)
    ]


def _queue(finding: Finding, *, marked: bool) -> ConnectionQueue:
    message = printable(finding.message, LONGEST_MESSAGE)
    mark = finding.change if marked and finding.change != "still" else ""
    return ConnectionQueue(finding.row, printable(finding.code, 20), message, mark)


def _fixed_lines(fixed: Sequence[FixedFinding]) -> list[ConnectionQueue]:
    return [
        ConnectionQueue(0, printable(one.code, 20), printable(one.message, LONGEST_MESSAGE))
        for one in fixed[:SHOWN_FIXED]
    ]
