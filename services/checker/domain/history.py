"""What earlier checks of one file found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from shared.contracts.checker import FileChecked, Finding, FixedFinding

_MAX_OPEN = 1000  # findings: two full lists
_MAX_SEEN = 5000  # fingerprints: ten full lists


@dataclass(frozen=True)
class History:
    """Earlier findings by fingerprint.

    `open` are those not known to be fixed: besides the findings of the last check also those it
    could not see, because the file had a syntax error, the list was truncated or the rule was off.
    `seen` are all fingerprints ever found, the latest first; the oldest are forgotten, and are new
    when they come back.
    """

    open: Mapping[str, FixedFinding] = field(default_factory=dict)
    seen: Mapping[str, None] = field(default_factory=dict)  # a set with an order

    def after(self, check: FileChecked) -> "History":
        found = {one.fingerprint: _without_place(one) for one in check.findings}
        fixed = {one.fingerprint for one in check.fixed}
        older = {key: one for key, one in self.open.items() if key not in fixed}
        kept = islice({**found, **older}.items(), _MAX_OPEN)
        seen = islice({**dict.fromkeys(found), **self.seen}, _MAX_SEEN)
        return History(dict(kept), dict.fromkeys(seen))


def _without_place(one: Finding) -> FixedFinding:
    return FixedFinding(
        code=one.code,
        name=one.name,
        tier=one.tier,
        message=one.message,
        fingerprint=one.fingerprint,
    )
