"""Divides claimed files into runs of ruff."""

from collections.abc import Sequence
from math import ceil

from services.checker.claims.due_files import DueFile

MAX_RUN_FILES, MAX_RUN_BYTES = 125, 2 << 20  # a run's time-out grows with its bytes
MIN_RUN_FILES = 25  # fewer files are not worth two runs


def split_into_runs(files: Sequence[DueFile], cores: int) -> list[list[DueFile]]:
    """Files to run together, in their order.

    Two runs for each core, so that contents are fetched and results recorded meanwhile. The first
    of each core is small, and each next one twice as large: the first results come soon, and their
    consumers, such as the notifier, have enough to do until the next ones come.
    """
    usual = min(MAX_RUN_FILES, max(MIN_RUN_FILES, ceil(len(files) / (2 * cores))))
    runs: list[list[DueFile]] = []
    size = 0
    for file in files:
        limit = min(usual, MIN_RUN_FILES << max(0, len(runs) - 1) // cores)
        if not runs or len(runs[-1]) == limit or size + file.size > MAX_RUN_BYTES:
            runs.append([])
            size = 0
        runs[-1].append(file)
        size += file.size
    return runs
