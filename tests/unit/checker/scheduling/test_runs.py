"""How claimed files are divided into runs of ruff."""

from uuid import uuid4

from services.checker.claims.due_files import DueFile
from services.checker.scheduling.runs import (
    MAX_RUN_BYTES,
    MAX_RUN_FILES,
    MIN_RUN_FILES,
    split_into_runs,
)
from tests.support.events import ANN

MIB = 1 << 20


def _file(size: int = 100) -> DueFile:
    return DueFile(uuid4(), ANN, "main.py", 1, "0" * 64, size)


def test_a_run_is_bounded_by_count_and_bytes() -> None:
    for files in ([_file() for _ in range(1000)], [_file(MIB) for _ in range(200)]):
        found = split_into_runs(files, cores=2)
        assert [file for run in found for file in run] == files
        assert max(map(len, found)) <= MAX_RUN_FILES
        assert max(sum(file.size for file in run) for run in found) <= MAX_RUN_BYTES


def test_a_file_larger_than_a_run_is_run_alone() -> None:
    big = _file(3 * MAX_RUN_BYTES)
    assert [big] in split_into_runs([_file(MIB), big, _file(MIB)], cores=1)


def test_there_are_two_runs_for_each_core() -> None:
    found = split_into_runs([_file() for _ in range(200)], cores=2)
    assert [len(run) for run in found] == [MIN_RUN_FILES, MIN_RUN_FILES, 50, 50, 50]
    found = split_into_runs([_file() for _ in range(500)], cores=2)
    assert [len(run) for run in found] == [
        MIN_RUN_FILES,
        MIN_RUN_FILES,
        2 * MIN_RUN_FILES,
        2 * MIN_RUN_FILES,
        4 * MIN_RUN_FILES,
        4 * MIN_RUN_FILES,
        125,
        25,
    ]
    assert len(split_into_runs([_file() for _ in range(MIN_RUN_FILES)], cores=8)) == 1
    assert split_into_runs([], cores=2) == []
