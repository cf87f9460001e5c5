"""Whether everything that was killed is there again."""

import re

import httpx2

from deploy.local.credentials import SERVICES
from tests.faults.patience import tries
from tests.faults.processes import SERVERS, pids
from tests.faults.running import Running

_TOLD = re.compile(r"(\w+) … ready on port (\d+)")


async def all_ready(running: Running, seconds: float) -> None:
    """Wait until servers live and every service says that it has what it needs.

    Raises:
        AssertionError: that took too long.
    """
    async with httpx2.AsyncClient(timeout=5.0) as http:
        async for _ in tries("somebody is not ready again", 0.2, seconds):
            if await _are_ready(running, http):
                return


def _ports(running: Running) -> dict[str, str]:
    """Of each service, as `make serve` has told them."""
    told = dict(_TOLD.findall((running.product.folder / "serve.log").read_text("utf-8")))
    return {service: told[service] for service in SERVICES}


async def _are_ready(running: Running, http: httpx2.AsyncClient) -> bool:
    if running.mail_server.pid is None or not pids(running.product).keys() >= set(SERVERS):
        return False
    for port in _ports(running).values():
        try:
            answer = await http.get(f"http://localhost:{port}/readyz")
        except httpx2.HTTPError:
            return False
        if answer.status_code != httpx2.codes.OK:
            return False
    return True
