"""The table of faults: what was done, what it cost, what was lost."""

from dataclasses import dataclass, field
from statistics import median

from tests.faults import of_mail
from tests.faults.recovery import Recovery
from tests.faults.snapshot import Snapshot

LOSSES = (
    "done_exists_once",
    "lists_tell_the_last_state",
    "bytes_come_back",
    "journal_has_each_event_once",
    "consumers_have_had_all",
    "each_version_has_one_result",
    "each_check_has_one_mail",
    "sent_was_accepted",
)


@dataclass
class Line:
    """One fault. Times in seconds; `uploads` and `lists` are those during the fault."""

    fault: str
    times: int = 1
    uploads: list[float] = field(default_factory=list)
    lists: list[float] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    violations: dict[str, list[str]] = field(default_factory=dict)
    marked: int = 0
    unmarked: int = 0
    dead: int = 0

    def judge(self, snapshot: Snapshot, found: dict[str, list[str]]) -> None:
        self.violations |= found
        self.marked, self.unmarked = of_mail.copies(snapshot)
        self.dead = len(snapshot.dead) - len(snapshot.injected)


HEAD = (
    "| fault | times | lost | doubled (marked/unmarked) | dead letters |"
    " uploads during it, median / worst | longest until an upload | longest until a mail |\n"
    "|---|---|---|---|---|---|---|---|"
)


def as_markdown(lines: list[Line]) -> str:
    return "\n".join([HEAD, *map(_row, lines)])


def _row(line: Line) -> str:
    lost = sum(len(line.violations.get(name, [])) for name in LOSSES)
    cells = (
        line.fault,
        str(line.times),
        str(lost),
        f"{line.marked} / {line.unmarked}",
        str(line.dead),
        f"{_seconds(median(line.uploads))} / {_seconds(max(line.uploads))}"
        if line.uploads
        else "–",
        _longest([one.upload for one in line.recoveries]),
        _longest([one.whole_way for one in line.recoveries]),
    )
    return f"| {' | '.join(cells)} |"


def _longest(times: list[float | None]) -> str:
    if not times:
        return "–"
    return "never" if None in times else _seconds(max(time for time in times if time is not None))


def _seconds(time: float) -> str:
    return f"{time:.2f} s" if time < 1 else f"{time:.1f} s"
