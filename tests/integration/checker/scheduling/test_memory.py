"""Memory and the work folder hold only a part of what is due at a time."""

import tempfile
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.checker.claims.claiming import MAX_CLAIM_BYTES
from services.checker.linting.ruff import CORES, Ruff
from services.checker.scheduling.runs import MAX_RUN_BYTES
from shared.contracts.checker import FileChecked
from tests.integration.checker.harness import CheckerHarness, FakeContents

MIB = 1 << 20
FILES = 200
# Reads nothing but the file at the end, and notes how much is in all work folders.
WEIGHING_RUFF = """#!/bin/sh
mkdir {weights}/$(du -sb {folder} | cut -f1).$$
for argument in "$@"; do
    shift
    case $argument in 0*.py) ;; *) set -- "$@" "$argument" ;; esac
done
exec {real} "$@"
"""


class LargeContents(FakeContents):
    """Every content is a megabyte, made when it is asked for."""

    async def fetch(self, wanted: Sequence[str]) -> dict[str, bytes | None]:
        self.calls.append(list(wanted))
        return {sha256: sha256.encode().ljust(MIB, b"\n") for sha256 in wanted}


@pytest.fixture
def work_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


async def test_two_hundred_megabytes_are_due(
    checker: CheckerHarness, work_dir: Path, tmp_path: Path
) -> None:
    weights, binary = tmp_path / "weights", tmp_path / "weighing-ruff"
    binary.write_text(WEIGHING_RUFF.format(folder=work_dir, weights=weights, real=Ruff().binary))
    binary.chmod(0o755)
    weights.mkdir()
    checker.contents = LargeContents()
    files = [uuid4() for _ in range(FILES)]
    for number, file_id in enumerate(files):
        await checker.save(file_id, f"{number}".encode())
    async with checker.database.transaction() as connection:
        await connection.execute(text("UPDATE versions SET size = :size"), {"size": MIB})
    scheduler = checker.scheduler(batch=500, ruff=Ruff(binary, work_dir))
    tracemalloc.start()
    try:
        while await scheduler.large_step():
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    for file_id in files:
        [result] = await checker.results(file_id)
        assert isinstance(result, FileChecked)
    assert peak < MAX_CLAIM_BYTES
    heaviest = max(int(path.stem) for path in weights.iterdir())
    assert MIB < heaviest < CORES * MAX_RUN_BYTES + MIB
