"""The rules that files are checked against, and the tier of each."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from string import digits

from shared.contracts.checker import Tier

# The longest matching prefix decides; a rule without one is a note.
#   blocker  the program is broken or surely wrong: it stops, or never does what it says
#   warning  a likely bug, or a risk somebody has to answer for
#   note     style, and everything a reader can disagree about
_CODES: Mapping[Tier, str] = {
    "blocker": """
        invalid-syntax E9 F404 F406 F407 F50 F521 F524 F525 F62 F631 F633 F634 F70 F82 F901
        B016 B030 G101 PLE PLR1708 RUF016
    """,
    "warning": """
        E711 E721 E722 F4 F504 F52 F60 F632 F722 F811 F84 W605
        ASYNC B INT LOG PIE794 PIE796 PLC0131 PLC0132 PLC0205 PLE1310 PLE251 PLR0124 PLR0206
        PLR1704 PLW RUF006 RUF008 RUF009 RUF018 RUF024 RUF026 RUF03 RUF040 RUF048 RUF049 RUF053
        RUF060 RUF064 RUF071 S SIM107 SIM115 SIM22 T100 YTT
    """,
    "note": """
        ASYNC115 ASYNC116 B007 B009 B010 B013 B014 B024 B027 B028 B033 B034 B904 B905 B91
        C4 C90 E F541 I LOG015 N PIE PLC PLR PLW0108 PLW0120 PLW0602 PLW0603 PLW1510 PLW1641
        PLW2901 PLW3301 RET RUF S105 S106 S107 S608 SIM UP W
    """,
}
TIERS: Mapping[str, Tier] = {
    prefix: tier for tier, codes in _CODES.items() for prefix in codes.split()
}


def longest_prefix(code: str, prefixes: Iterable[str]) -> str | None:
    """The longest prefix of the code. As for ruff, `F` is one of F401, not of FAST001 or FBT003."""
    matching = (prefix for prefix in prefixes if _matches(prefix, code))
    return max(matching, key=len, default=None)


def _matches(prefix: str, code: str) -> bool:
    return code.startswith(prefix) and code.rstrip(digits) == prefix.rstrip(digits)


@cache  # called for every one of half a million findings
def tier(code: str) -> Tier:
    prefix = longest_prefix(code, TIERS)
    return "note" if prefix is None else TIERS[prefix]


@dataclass(frozen=True)
class Profile:
    """The rules of a check, and the number of warnings with which a file is still ready."""

    name: str
    select: tuple[str, ...]
    ignore: tuple[str, ...] = ()
    line_length: int = 88  # characters
    target_version: str = "py311"
    warnings_allowed: int = 0

    @property
    def label(self) -> str:
        return self.name

    @cached_property
    def digest(self) -> str:
        """Twelve hex digits that change with anything that can change a result."""
        facts = {**asdict(self), "tiers": dict(TIERS)}
        del facts["name"]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]

    def selects(self, code: str) -> bool:
        """Whether `code` is checked: the longer prefix wins, as on ruff's command line."""
        chosen = longest_prefix(code, self.select)
        ignored = longest_prefix(code, self.ignore)
        return chosen is not None and len(chosen) > len(ignored or "")


_STANDARD_RULES = """
    E W F I N UP B C4 C90 SIM PIE RET ASYNC YTT INT LOG T100 G101
    PLE PLW
    PLC0105 PLC0131 PLC0132 PLC0205 PLC0206 PLC0208 PLC0414 PLC3002
    PLR0124 PLR0133 PLR0206 PLR0402 PLR1704 PLR1708 PLR171 PLR1722 PLR173
    RUF006 RUF007 RUF008 RUF009 RUF010 RUF013 RUF015 RUF016 RUF017 RUF018 RUF019 RUF02 RUF03
    RUF040 RUF046 RUF048 RUF049 RUF05 RUF060 RUF064 RUF068 RUF071
    S102 S103 S105 S106 S107 S110 S112 S113 S2 S306 S307 S323 S324 S5
    S602 S604 S605 S608 S609 S61 S70
"""
STANDARD = Profile(
    name="standard",
    select=tuple(_STANDARD_RULES.split()),
    ignore=(
        "ASYNC109",  # a parameter called `timeout` is a matter of taste
        "ASYNC110",
        "ASYNC240",
        "N818",  # `NotFound` says enough
        "RUF021",
        "RUF022",  # the order of `__all__` and `__slots__` can carry meaning
        "RUF023",
        "RUF036",
    ),
)
