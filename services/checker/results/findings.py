"""What a check says: ruff's answer, weighed, and compared with the file's checks before."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.checker.domain.history import History
from services.checker.linting.diagnostics import Diagnostic
from services.checker.linting.ruff import RuffResult
from services.checker.rules import Profile, tier
from shared.contracts.checker import (
    Change,
    Counts,
    Finding,
    FixedFinding,
    Outcome,
    Verdict,
)


@dataclass(frozen=True)
class Report:
    """The judging half of `FileChecked`, under the same names."""

    outcome: Outcome
    verdict: Verdict
    counts: Counts
    truncated: bool
    findings: list[Finding]
    fixed: list[FixedFinding]


def report(result: RuffResult, profile: Profile, history: History) -> Report:
    found, fixed = compare(result, history, profile)
    counts = count(result, found, fixed)
    outcome: Outcome = (
        "syntax_error" if result.syntax_error else "findings" if counts.total else "clean"
    )
    return Report(
        outcome, verdict(counts, outcome, profile), counts, result.truncated, found, fixed
    )


def verdict(counts: Counts, outcome: Outcome, profile: Profile) -> Verdict:
    broken = outcome == "syntax_error" or counts.blocker > 0
    return "not_ready" if broken or counts.warning > profile.warnings_allowed else "ready"


def compare(
    result: RuffResult, history: History, profile: Profile
) -> tuple[list[Finding], list[FixedFinding]]:
    """The findings with what changed, and what is fixed.

    Comparison covers what is stored. A finding beyond the 500 of a cut list is counted, but is
    neither new, still nor reopened; once it comes into the list it is new. Only what this check
    would have shown is called fixed: the file could be parsed, the rule is on, and every finding of
    the rule is in the list.
    """
    found = [
        _finding(one, mark, _change(mark, history))
        for one, mark in zip(result.diagnostics, fingerprints(result.diagnostics), strict=True)
    ]
    here = {one.fingerprint for one in found}
    listed = Counter(one.code for one in found)
    fixed = [
        one
        for mark, one in history.open.items()
        if mark not in here
        and not result.syntax_error
        and _is_looked_for(one.code, profile)
        and listed[one.code] == result.totals.get(one.code, 0)
    ]
    return found, fixed


def count(result: RuffResult, found: Sequence[Finding], fixed: Sequence[FixedFinding]) -> Counts:
    """Totals by tier are of all findings; by change of those in the list."""
    tiers: Counter[str] = Counter()
    for code, number in result.totals.items():
        tiers[tier(code)] += number
    changes: Counter[str] = Counter(one.change for one in found)
    return Counts(
        **tiers,
        **changes,
        total=tiers.total(),
        fixed=len(fixed),
        suppressed=result.suppressed,
    )


def fingerprints(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """Rule, text of the line without its spacing, and the how-manieth of these in the file.

    So a finding keeps its fingerprint when its code moves or is indented differently.
    """
    seen: Counter[tuple[str, str]] = Counter()
    marks = []
    for one in diagnostics:
        text = " ".join(one.line.split())
        seen[one.code, text] += 1
        facts = f"{one.code}\0{text}\0{seen[one.code, text]}"
        marks.append(hashlib.sha256(facts.encode()).hexdigest()[:16])
    return marks


def _change(mark: str, history: History) -> Change:
    if mark in history.open:
        return "still"
    return "reopened" if mark in history.ever else "new"


def _is_looked_for(code: str, profile: Profile) -> bool:
    return code == "invalid-syntax" or profile.selects(code)


def _finding(one: Diagnostic, mark: str, change: Change) -> Finding:
    return Finding(
        code=one.code,
        name=one.name,
        tier=tier(one.code),
        message=one.message,
        row=one.row,
        column=one.column,
        end_row=one.end_row,
        end_column=one.end_column,
        url=one.url,
        fingerprint=mark,
        change=change,
        fix=one.fix,
    )
