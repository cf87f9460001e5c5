"""A selection of `make faults`: nothing is lost when everything is killed and much goes wrong."""

from collections.abc import Callable
from pathlib import Path

from deploy.local.credentials import SERVICES
from tests.faults import runs
from tests.faults.recovery import Recovery, too_slow, too_slow_alone
from tests.faults.table import Line
from tests.faults.targeted import FAULTS

Late = Callable[[list[Recovery], float], list[str]]
SEED, PATIENCE = 7, 3.0
EVERYBODY = {*SERVICES, "postgres", "rabbitmq", "mail server"}


async def test_nothing_is_lost_while_everybody_is_killed(tmp_path: Path) -> None:
    line = await runs.killing_each(tmp_path / "kill-each", SEED)
    _hold(line, tmp_path, too_slow_alone)
    assert {one.what for one in line.recoveries} == EVERYBODY


async def test_targeted_faults(tmp_path: Path) -> None:
    chosen = [fault for fault in FAULTS if fault.in_tests]
    lines = await runs.targeted(tmp_path / "targeted", chosen, SEED)
    assert len(lines) == len(chosen)
    for line in lines:
        _hold(line, tmp_path, too_slow)


def _hold(line: Line, folder: Path, late: Late) -> None:
    """Every invariant; of the seconds promised thrice as many, for other tests run beside these."""
    broken = {name: found for name, found in line.violations.items() if name != "recovery"}
    broken["recovery"] = late(line.recoveries, PATIENCE)
    wrong = [f"{name}: {one}" for name, found in broken.items() for one in found[:5]]
    assert not wrong, "\n".join([f"{line.fault}; logs in {folder}", *wrong])
