"""One ruff over a folder, which is the least that checking can cost."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ruff import find_ruff_bin

from benchmarks.running import temporary_folder
from benchmarks.sources import Source
from services.checker.rules import STANDARD

RULES = (
    f"--select={','.join(STANDARD.select)}",
    f"--ignore={','.join(STANDARD.ignore)}",
    f"--target-version={STANDARD.target_version}",
)


def seconds(files: Sequence[Source], runs: int = 3) -> float:
    """The shortest of some runs: the first one also reads the program from the disk."""
    with temporary_folder() as folder:
        for file in files:
            (folder / file.name).write_bytes(file.content)
        return min(_run(folder) for _ in range(runs))


def _run(folder: Path) -> float:
    command = [find_ruff_bin(), "check", "--isolated", "--no-cache", "--output-format=json", *RULES]
    begun = time.monotonic()
    subprocess.run([*command, str(folder)], stdout=subprocess.DEVNULL, check=False)
    return time.monotonic() - begun
