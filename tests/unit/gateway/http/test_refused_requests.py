"""What is refused costs next to nothing, however large it is.

A refused request may cost 100 ms of processor time and 10 MiB. `python -m
benchmarks.refused_requests` shows the figures; here is ten times that, so that a busy machine never
fails the test, and what grows with the input always does.
"""

from pathlib import Path

import pytest

from benchmarks.refused_requests import ALLOWED_MIB, ALLOWED_MS, gateway, requests

pytestmark = pytest.mark.programs
SLACK = 10


def test_a_refused_request_is_cheap(tmp_path: Path) -> None:
    with gateway(tmp_path) as (running, keys):
        costs = {name: running.cost(one, times=2) for name, one in requests(keys).items()}
    dear = {
        name: cost
        for name, cost in costs.items()
        if cost.milliseconds > SLACK * ALLOWED_MS or cost.mebibytes > SLACK * ALLOWED_MIB
    }
    assert not dear
