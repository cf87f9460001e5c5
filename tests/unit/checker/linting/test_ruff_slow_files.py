"""Files that use up all the time of a run, beside those of other users."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.checker.linting.ruff import Ruff, RuffFailure, RuffResult
from services.checker.rules import STANDARD
from services.checker.sandbox.limited_process import ProcessLimits

SLOW = b"#" * 600_000 + b"\n"  # ruff takes the square of a comment's length in `#` for it
pytestmark = pytest.mark.programs


@pytest.fixture
def work_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


async def test_of_many_slow_files_a_run_takes_some_and_leaves_the_others(work_dir: Path) -> None:
    ruff = Ruff(
        work_dir=work_dir, limits=ProcessLimits(seconds=1.5, wall_factor=30), retry_seconds=2
    )
    slow = {f"slow {number}": SLOW for number in range(4)}
    results = await ruff.check({"another person's": b"import os\n", **slow}, STANDARD)
    assert isinstance(results["another person's"], RuffResult)
    assert results["slow 0"] == RuffFailure("timeout")
    assert "slow 3" not in results
