"""Assesses what ruff found: tiers, verdict, and what changed since earlier checks of the file."""

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
    CheckOutcome,
    Counts,
    Finding,
    FixedFinding,
    Verdict,
)


@dataclass(frozen=True)
class Assessment:
    """The fields of `FileChecked` that assess the file, under the same names."""

    outcome: CheckOutcome
    verdict: Verdict
    counts: Counts
    truncated: bool
    findings: list[Finding]
    fixed: list[FixedFinding]


def assess(result: RuffResult, profile: Profile, history: History) -> Assessment:
    found, fixed = compare(result, history, profile)
    counts = count(result, found, fixed)
    outcome: CheckOutcome = (
        "syntax_error" if result.syntax_error else "findings" if counts.total else "clean"
    )
    return Assessment(
        outcome, verdict(counts, outcome, profile), counts, result.truncated, found, fixed
    )


def verdict(counts: Counts, outcome: CheckOutcome, profile: Profile) -> Verdict:
    broken = outcome == "syntax_error" or counts.blocker > 0
    return "not_ready" if broken or counts.warning > profile.warnings_allowed else "ready"


def compare(
    result: RuffResult, history: History, profile: Profile
) -> tuple[list[Finding], list[FixedFinding]]:
    """The findings with their change, and the fixed findings.

    Only listed findings are compared. One beyond the 500 of a truncated list is counted, but has no
    change; once it comes into the list it is new. A finding is fixed only if this check would have
    shown it: the file could be parsed, the rule is on, and every finding of the rule is listed.
    """
    found = [
        _finding(one, fingerprint, _change(fingerprint, history))
        for one, fingerprint in zip(
            result.diagnostics, fingerprints(result.diagnostics), strict=True
        )
    ]
    listed = {one.fingerprint for one in found}
    listed_codes = Counter(one.code for one in found)
    fixed = [
        one
        for fingerprint, one in history.open.items()
        if fingerprint not in listed
        and not result.syntax_error
        and _is_checked(one.code, profile)
        and listed_codes[one.code] == result.totals.get(one.code, 0)
    ]
    return found, fixed


def count(result: RuffResult, found: Sequence[Finding], fixed: Sequence[FixedFinding]) -> Counts:
    """Count all findings by tier, and the listed ones by change."""
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
    """Digests of the rule, the text of the line without its spacing, and the number among equals.

    So a finding keeps its fingerprint when its code moves or is indented differently.
    """
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for one in diagnostics:
        text = " ".join(one.line.split())
        seen[one.code, text] += 1
        facts = f"{one.code}\0{text}\0{seen[one.code, text]}"
        found.append(hashlib.sha256(facts.encode()).hexdigest()[:16])
    return found


def _change(fingerprint: str, history: History) -> Change:
    if fingerprint in history.open:
        return "still"
    return "reopened" if fingerprint in history.seen else "new"


def _is_checked(code: str, profile: Profile) -> bool:
    return code == "invalid-syntax" or profile.selects(code)


def _finding(one: Diagnostic, fingerprint: str, change: Change) -> Finding:
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
        fingerprint=fingerprint,
        change=change,
        fix=one.fix,
    )
