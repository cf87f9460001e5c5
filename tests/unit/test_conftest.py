"""What `tests/conftest.py` asks of every test."""

import asyncio
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.programs
ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import pytest

@pytest.fixture
async def far():
    return 1

@pytest.fixture
def near(far):
    return far

def test_without():
    pass

async def test_async(near):
    pass

def test_sync(near):
    pass
"""


async def test_a_sync_test_with_an_async_fixture_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(TESTS)
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.conftest", "-c"]
    running = await asyncio.create_subprocess_exec(
        sys.executable, *command, ROOT / "pyproject.toml", file,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await running.communicate()
    told = [line for line in printed.decode().splitlines() if line.endswith("must be, too")]
    assert told
    assert all("::test_sync: `far` is async" in line for line in told)
    assert running.returncode == 2  # nothing has run
