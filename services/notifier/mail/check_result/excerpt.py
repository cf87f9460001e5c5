"""The part of a result that its mail shows, stored until it is sent, as results can be large."""

from collections.abc import Sequence
from typing import get_args

from shared.contracts.checker import FileChecked, Finding, Tier

TIERS: tuple[Tier, ...] = get_args(Tier)
SHOWN_FINDINGS = 20
SHOWN_FIXED = 5


class Excerpt(FileChecked):
    """A result with only the findings that its mail shows; `listed` is the number of all."""

    listed: int | None = None  # None: the result is complete


def excerpt(check: FileChecked) -> Excerpt:
    findings = in_order(check.findings)[:SHOWN_FINDINGS]
    values = {**vars(check), "findings": findings, "fixed": check.fixed[:SHOWN_FIXED]}
    return Excerpt.model_construct(**values, listed=len(check.findings))


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """In the order to fix them."""
    return sorted(findings, key=lambda one: (TIERS.index(one.tier), one.row, one.column))


def listed(check: FileChecked) -> int:
    """How many findings the complete result lists."""
    number = check.listed if isinstance(check, Excerpt) else None
    return len(check.findings) if number is None else number
