"""A selection of `make faults`: nothing is lost when everything is killed and much goes wrong."""

from pathlib import Path

from tests.faults import runs
from tests.faults.recovery import too_slow
from tests.faults.table import Line
from tests.faults.targeted import FAULTS

KILLS, SEED, PATIENCE = 15, 7, 3.0


async def test_nothing_is_lost_while_everybody_is_killed(tmp_path: Path) -> None:
    line = await runs.killing(tmp_path / "kill", KILLS, SEED)
    _hold(line, tmp_path)
    assert len(line.recoveries) == KILLS


async def test_targeted_faults(tmp_path: Path) -> None:
    chosen = [fault for fault in FAULTS if fault.in_tests]
    lines = await runs.targeted(tmp_path / "targeted", chosen, SEED)
    assert len(lines) == len(chosen)
    for line in lines:
        _hold(line, tmp_path)


def _hold(line: Line, folder: Path) -> None:
    """Every invariant; of the seconds promised thrice as many, for other tests run beside these."""
    broken = {name: found for name, found in line.violations.items() if name != "recovery"}
    broken["recovery"] = too_slow(line.recoveries, PATIENCE)
    wrong = [f"{name}: {one}" for name, found in broken.items() for one in found[:5]]
    assert not wrong, "\n".join([f"{line.fault}; logs in {folder}", *wrong])
