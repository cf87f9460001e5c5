"""The tables of faults: what was done, what was lost, and how long people had to wait."""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import get_args

from tests.faults import of_mail, of_requests
from tests.faults.ledger import Outcome
from tests.faults.recovery import Recovery
from tests.faults.snapshot import Snapshot
from tests.faults.timing import Phase, Times

LOSSES = (
    "done_exists_once",
    "lists_tell_the_last_state",
    "bytes_come_back",
    "each_version_has_one_result",
    "each_check_has_one_mail",
    "sent_was_accepted",
)
NOTHING = "-"
SHOWN = 10  # violations of a kind


@dataclass
class Line:
    """One fault. `marked` are mails that came twice and say so by their attempts."""

    fault: str
    count: int = 1
    times: dict[Phase, Times] = field(default_factory=dict)
    recoveries: list[Recovery] = field(default_factory=list)
    violations: dict[str, list[str]] = field(default_factory=dict)
    marked: int = 0
    unmarked: int = 0
    dead: int = 0
    excused: int = 0  # files whose last state nobody can know
    begun: float = field(default_factory=time.time)
    outcomes: Counter[Outcome] = field(default_factory=Counter)

    def judge(self, snapshot: Snapshot, found: dict[str, list[str]]) -> None:
        self.violations = found
        asked = [request for request in snapshot.requests if request.begun >= self.begun]
        self.outcomes = Counter(request.outcome for request in asked)
        self.marked, self.unmarked = of_mail.copies(snapshot, self.begun)
        self.excused = of_requests.excused(snapshot)
        self.dead = len([x for x in snapshot.dead if x["message_id"] not in snapshot.injected])

    def tell(self) -> None:
        """Say at once how it went."""
        sys.stdout.write(f"{self.fault}: {'broken' if self.violations else 'all holds'}\n")
        sys.stdout.write(f"  files whose last state nobody can know: {self.excused}\n")
        sys.stdout.writelines(f"  after {one.told()}\n" for one in self.recoveries)
        for name, wrong in self.violations.items():
            sys.stdout.write(f"  {name}: {len(wrong)}\n")
            sys.stdout.writelines(f"    {one}\n" for one in wrong[:SHOWN])
        sys.stdout.flush()


def summary(lines: list[Line]) -> str:
    """A Markdown table: losses, doubles, and the longest recovery."""
    head = (
        "fault",
        "times",
        "done / 4xx / 503 / unknown",
        "lost",
        "doubled, marked / not",
        "dead letters",
        "files excused",
        "other violations",
    )
    ends = ("longest until an upload", "longest until a mail")
    return _table((*head, *ends), [_summary(line) for line in lines])


def timings(lines: list[Line]) -> str:
    """A Markdown table: median and worst of uploads and lists, before, during and after."""
    head = [f"{what} {phase}" for what in ("uploads", "lists") for phase in _PHASES]
    return _table(("fault", *head), [_timings(line) for line in lines if line.times])


_PHASES: tuple[Phase, ...] = ("before", "during", "after")


def _summary(line: Line) -> list[str]:
    lost = sum(len(line.violations.get(name, [])) for name in LOSSES)
    others = sum(map(len, line.violations.values())) - lost
    return [
        line.fault,
        str(line.count),
        " / ".join(str(line.outcomes[outcome]) for outcome in get_args(Outcome)),
        str(lost),
        f"{line.marked} / {line.unmarked}",
        str(line.dead),
        str(line.excused),
        str(others),
        _longest([one.upload for one in line.recoveries]),
        _longest([one.whole_way for one in line.recoveries]),
    ]


def _timings(line: Line) -> list[str]:
    uploads = [_spread(line.times[phase].uploads) for phase in _PHASES]
    lists = [_spread(line.times[phase].lists) for phase in _PHASES]
    return [line.fault, *uploads, *lists]


def _spread(times: list[float]) -> str:
    return f"{_seconds(median(times))} / {_seconds(max(times))}" if times else NOTHING


def _longest(times: list[float | None]) -> str:
    found = [time for time in times if time is not None]
    if not times:
        return NOTHING
    return "never" if len(found) < len(times) else _seconds(max(found))


def _seconds(time: float) -> str:
    return f"{time:.2f} s" if time < 1 else f"{time:.1f} s"


def _table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
