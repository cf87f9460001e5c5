import os
import time
from pathlib import Path

import pytest

from benchmarks import usage

STAT = "4242 (a (b) c) S 1 4242 4242 0 -1 4194304 1 2 3 4 150 50 25 75 20 0 1 0 99 0 0\n"
ROLLUP = "55d0-7ffe ---p 00000000 00:00 0  [rollup]\nRss: 4096 kB\nPss: 1536 kB\nPss_Dirty: 9 kB\n"


def test_processor_time_is_ones_own_and_that_of_children_that_have_ended(tmp_path: Path) -> None:
    (tmp_path / "4242").mkdir()
    (tmp_path / "4242/stat").write_text(STAT)
    ticks = os.sysconf("SC_CLK_TCK")
    assert usage.processor_seconds(4242, tmp_path) == 300 / ticks


def test_memory_is_the_proportional_one(tmp_path: Path) -> None:
    (tmp_path / "4242").mkdir()
    (tmp_path / "4242/smaps_rollup").write_text(ROLLUP)
    assert usage.proportional_megabytes(4242, tmp_path) == 1.5


def test_a_busy_process_uses_what_the_clock_says() -> None:
    before, begun = usage.processor_of({"us": os.getpid()}), time.process_time()
    while time.process_time() - begun < 0.2:
        pass
    spent = usage.difference(before, usage.processor_of({"us": os.getpid()}))
    assert spent["us"] == pytest.approx(time.process_time() - begun, abs=0.1)


def test_who_has_ended_counts_nothing() -> None:
    nobody = int(Path("/proc/sys/kernel/pid_max").read_text())
    assert usage.processor_of({"gone": nobody}) == {"gone": 0.0}
