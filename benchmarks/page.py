"""The page that tells of the figures."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import Figure, table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- figures of make bench -->", "<!-- end of figures -->"


def write(figures: Sequence[Figure], load: float) -> None:
    """Replace the figures of the last run; `load` is the machine's average at the beginning."""
    told = f"{_where(load)}\n\n{table(figures)}"
    PAGE.write_text(replaced(PAGE.read_text("utf-8"), told), "utf-8")


def replaced(page: str, told: str) -> str:
    """The page with other figures between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{told}\n\n{END}{after}"


def _where(load: float) -> str:
    today = datetime.now(UTC).date().isoformat()
    cores = len(os.sched_getaffinity(0))
    return (
        f"Measured on {today}, {cores} cores, Python {platform.python_version()}; load average "
        f"before it {load:.1f}."
    )
