"""The proof under faults: `make faults`, or `python -m tests.faults`.

`PREREVIEW_FAULTS_KILLS` (100), `PREREVIEW_FAULTS_SEED` (1), `PREREVIEW_FAULTS_ONLY`: `kill`,
`kill-each`, `two-copies`, `frozen-copies`, `disk-full`, or names of
`tests.faults.targeted`, with commas.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

from deploy.local.postgres import forget_variables
from tests.faults import runs
from tests.faults.faults import is_root
from tests.faults.table import Line, summary, timings
from tests.faults.targeted import FAULTS

RUNS = ("kill", "kill-each", "two-copies", "frozen-copies", "disk-full")


async def prove(folder: Path, kills: int, seed: int, only: list[str]) -> list[Line]:
    """Everything, or what is named."""
    lines: list[Line] = []
    if "kill" in only:
        lines.append(await runs.killing(folder / "kill", kills, seed))
    if "kill-each" in only:
        lines.append(await runs.killing_each(folder / "kill-each", seed))
    if "two-copies" in only:
        lines.append(await runs.two_copies(folder / "two-copies", kills, seed))
    if "frozen-copies" in only:
        lines.append(await runs.frozen_copies(folder / "frozen-copies", seed))
    if chosen := [fault for fault in FAULTS if fault.name in only]:
        lines += await runs.targeted(folder / "targeted", chosen, seed)
    if "disk-full" in only and is_root():
        lines.append(await runs.full_disk(folder / "disk-full", seed))
    elif "disk-full" in only:
        sys.stdout.write("disk-full was left out: only root can mount a small disk.\n")
    return lines


def main() -> int:
    names = [*RUNS, *(fault.name for fault in FAULTS)]
    only = [name for name in os.environ.get("PREREVIEW_FAULTS_ONLY", "").split(",") if name]
    if sys.platform != "linux":
        sys.stderr.write("The proof under faults needs Linux: it finds processes in /proc.\n")
        return 2
    if unknown := set(only) - set(names):
        sys.stderr.write(f"There is no {', '.join(unknown)}; there are {', '.join(names)}.\n")
        return 2
    kills = int(os.environ.get("PREREVIEW_FAULTS_KILLS") or 100)
    seed = int(os.environ.get("PREREVIEW_FAULTS_SEED") or 1)
    forget_variables()
    folder = Path(tempfile.mkdtemp(prefix="prereview-faults."))
    sys.stdout.write(f"Logs are in {folder} until all holds.\n")
    lines = asyncio.run(prove(folder, kills, seed, only or names))
    sys.stdout.write(f"\n{summary(lines)}\n\n{timings(lines)}\n")
    if any(line.violations for line in lines):
        sys.stdout.write(f"\nNot all holds. Logs, ledger and mails are in {folder}.\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
