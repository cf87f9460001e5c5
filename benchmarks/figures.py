"""What a benchmark found, as lines of one table.

A benchmark that `make bench` runs is a module with `figures() -> list[Figure]`, which measures in
its usual form within a minute or two, and ends with `if __name__ == "__main__": tell(figures())`.
Its name stands in `benchmarks.__main__.BENCHMARKS`.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass

NOTHING = "-"
HEAD = ("what", "ours", "peer", "ratio", "goal", "")


@dataclass(frozen=True)
class Goal:
    """What is wanted of a figure's ratio, or of the figure itself where it has none."""

    sign: str  # ≥ or ≤
    bound: float

    def reached(self, value: float) -> bool:
        return value >= self.bound if self.sign == "≥" else value <= self.bound


def at_least(bound: float) -> Goal:
    return Goal("≥", bound)


def at_most(bound: float) -> Goal:
    return Goal("≤", bound)


@dataclass(frozen=True)
class Figure:
    """One measured value, and the peer's of the same call.

    `ratio` is what `goal` speaks of: ours through the peer's, or the other way round for times.
    """

    name: str
    ours: float
    unit: str = ""
    peer: float | None = None
    ratio: float | None = None
    goal: Goal | None = None

    @property
    def reached(self) -> bool | None:
        """None where nothing is wanted."""
        value = self.ours if self.ratio is None else self.ratio
        return None if self.goal is None else self.goal.reached(value)

    def cells(self) -> tuple[str, ...]:
        goal_unit = self.unit if self.ratio is None else ""
        return (
            self.name,
            _with_unit(self.ours, self.unit),
            NOTHING if self.peer is None else _with_unit(self.peer, self.unit),
            NOTHING if self.ratio is None else _with_unit(self.ratio, ""),
            f"{self.goal.sign} {_with_unit(self.goal.bound, goal_unit)}" if self.goal else NOTHING,
            {None: "", True: "reached", False: "missed"}[self.reached],
        )

    def line(self) -> str:
        """For reading while others are still measured."""
        name, *cells = self.cells()
        told = zip(HEAD[1:], cells, strict=True)
        said = [f"{head} {cell}".strip() for head, cell in told if cell not in {NOTHING, ""}]
        return f"{name}: {', '.join(said)}"


def faster(name: str, ours: float, peer: float, unit: str, goal: Goal | None = None) -> Figure:
    """A figure of which more is better: the ratio is ours through the peer's."""
    return Figure(name, ours, unit, peer, ours / peer, goal)


def table(figures: Iterable[Figure]) -> str:
    """In Markdown."""
    rows = [HEAD, ("---",) * len(HEAD), *(figure.cells() for figure in figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def tell(figures: Iterable[Figure]) -> None:
    sys.stdout.write(f"{table(figures)}\n")


def _with_unit(value: float, unit: str) -> str:
    """Three digits, as many as such figures are good for."""
    size = abs(value)
    text = f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"
    return f"{text} {unit}".strip()
