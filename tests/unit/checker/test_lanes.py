"""Who is taken for heavy, and which files are run together."""

from uuid import uuid4

from services.checker.claims.due_files import DueFile
from services.checker.scheduling.runs import (
    ALLOWANCE,
    FEW,
    HALF_LIFE,
    RUN_BYTES,
    RUN_FILES,
    Spending,
    runs,
)
from tests.support.events import ANN, BOB

MIB = 1 << 20


def _file(size: int = 100) -> DueFile:
    return DueFile(uuid4(), ANN, "main.py", 1, "0" * 64, size)


def test_who_spends_much_is_heavy_until_it_is_forgotten() -> None:
    now = 0.0
    spending = Spending(lambda: now)
    spending.add(BOB, 1.0)
    for _ in range(3):
        spending.add(ANN, ALLOWANCE / 2)
    assert spending.people() == [BOB, ANN]
    assert spending.heavy() == [ANN]
    now = HALF_LIFE
    assert spending.heavy() == []
    assert spending.people() == [BOB, ANN]
    now = 20 * HALF_LIFE
    assert spending.people() == []


def test_nobody_is_remembered_for_ever() -> None:
    """Whichever of the two is asked."""
    now = 0.0
    spending = Spending(lambda: now)
    for _ in range(100):
        spending.add(uuid4(), ALLOWANCE + 1)
    now = 20 * HALF_LIFE
    spending.add(ANN, 0.0)
    assert spending.heavy() == []
    assert not spending._spent


def test_a_run_is_bounded_by_count_and_bytes() -> None:
    for files in ([_file() for _ in range(1000)], [_file(MIB) for _ in range(200)]):
        found = runs(files, cores=2)
        assert [file for run in found for file in run] == files
        assert max(map(len, found)) <= RUN_FILES
        assert max(sum(file.size for file in run) for run in found) <= RUN_BYTES


def test_a_file_larger_than_a_run_is_run_alone() -> None:
    big = _file(3 * RUN_BYTES)
    assert [big] in runs([_file(MIB), big, _file(MIB)], cores=1)


def test_every_core_has_work_while_contents_are_fetched() -> None:
    found = runs([_file() for _ in range(200)], cores=2)
    assert [len(run) for run in found] == [FEW, FEW, 50, 50, 50]
    found = runs([_file() for _ in range(500)], cores=2)
    assert [len(run) for run in found] == [FEW, FEW, 2 * FEW, 2 * FEW, 4 * FEW, 4 * FEW, 125, 25]
    assert len(runs([_file() for _ in range(FEW)], cores=8)) == 1
    assert runs([], cores=2) == []
