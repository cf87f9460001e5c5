"""What a lock a key saves against one lock for all: `python -m benchmarks.throttling`.

On a Postgres of its own. Different people register, and fail to log in, at the same time; both ways
take turns, through the same functions, so that a busy machine is busy for both. Hashes are as cheap
as bcrypt can, for locks are what is compared.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from unittest.mock import patch

from services.auth.domain.limits import Limit
from services.auth.main import create_app
from services.auth.settings import Settings
from services.auth.tables import throttle
from services.auth.use_cases import throttling
from services.auth.use_cases.dependencies import Dependencies
from shared.db import Database
from tests.integration.auth.harness import AuthHarness, ManualClock, new_client, new_email
from tests.support.apps import common_settings, without_loops
from tests.support.databases import PrivateDatabase, create_template, drop
from tests.support.keys import Keys, make_keys
from tests.support.servers import postgres_server

ROUNDS, AT_ONCE = 20, 12
Ask = Callable[[AuthHarness], Awaitable[object]]


async def main(database_url: str, folder: Path) -> None:
    database = await create_template(database_url)
    try:
        await _measure(make_keys(folder), database)
    finally:
        await drop(database)


async def _measure(keys: Keys, database: PrivateDatabase) -> None:
    settings = Settings(
        **common_settings("auth", keys),
        database_url=database.url("auth"),
        password_pepper="pepper",
        bcrypt_cost=4,
    )
    async with without_loops(create_app(settings, clock=ManualClock())) as app:
        harness = AuthHarness(app, keys, app.state.clock, app.state.provided[Database])
        asked: dict[str, Ask] = {
            "registration": lambda harness: harness.register(new_email(), client=new_client()),
            "failed login": lambda harness: harness.try_login(new_email(), client=new_client()),
            "mail to an address": _mail,
        }
        for name, ask in asked.items():
            await _compare(harness, name, ask)


async def _mail(harness: AuthHarness) -> None:
    """The counting of a mail, and then 5 ms of something else in the same transaction."""
    limits = harness.app.state.provided[Dependencies].limits
    async with harness.database.transaction() as connection:
        mail = limits.unsolicited_mails("confirm_email", new_email())
        await throttling.try_acquire(connection, mail, harness.clock.now)
        await asyncio.sleep(0.005)


async def _compare(harness: AuthHarness, name: str, ask: Ask) -> None:
    times: dict[str, list[float]] = {"one lock": [], "a lock a key": []}
    for _ in range(ROUNDS):
        with patch.object(throttle, "_lock_number", _one_for_all):
            times["one lock"].append(await _round(harness, ask))
        times["a lock a key"].append(await _round(harness, ask))
    shown = ", ".join(f"{way} {1000 * median(taken):.0f} ms" for way, taken in times.items())
    print(f"{name}, {AT_ONCE} at once: {shown}")


async def _round(harness: AuthHarness, ask: Ask) -> float:
    started = time.perf_counter()
    await asyncio.gather(*(ask(harness) for _ in range(AT_ONCE)))
    return time.perf_counter() - started


def _one_for_all(_: Limit) -> int:
    return 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, postgres_server(Path(name)) as url:
        asyncio.run(main(url, Path(name)))
