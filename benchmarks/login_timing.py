"""Whether answers tell by their time who has an account: `python -m benchmarks.login_timing`.

On a Postgres of its own. Known and unknown addresses take turns, so that a busy machine is busy for
both. Exits with 1 when medians differ by over 10 %.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from services.auth.main import create_app
from services.auth.settings import Settings
from shared.db import Database
from tests.integration.auth.harness import (
    OTHER_PASSWORD,
    PASSWORD,
    AuthHarness,
    ManualClock,
    new_email,
)
from tests.support.apps import common_settings, without_loops
from tests.support.databases import PrivateDatabase, create_template, drop
from tests.support.keys import Keys, make_keys
from tests.support.servers import postgres_server

TRIES = 50
MOST = 0.10
Ask = Callable[[AuthHarness, str], Awaitable[object]]


async def main(database_url: str, folder: Path) -> bool:
    database = await create_template(database_url)
    try:
        return await _measure(make_keys(folder), database)
    finally:
        await drop(database)


async def _measure(keys: Keys, database: PrivateDatabase) -> bool:
    """With bcrypt as it is in production and limits out of the way."""
    settings = Settings(
        **common_settings("auth", keys),
        database_url=database.url("auth"),
        password_pepper="pepper",
        registrations_per_ip_address=10_000,
    )
    async with without_loops(create_app(settings, clock=ManualClock())) as app:
        harness = AuthHarness(app, keys, app.state.clock, app.state.provided[Database])
        known = [new_email() for _ in range(TRIES)]
        for email in known:
            await harness.register(email)
        asked: dict[str, Ask] = {
            "login": lambda harness, email: harness.try_login(email, OTHER_PASSWORD),
            "registration": lambda harness, email: harness.register(email, PASSWORD),
            "forgotten password": lambda harness, email: harness.post(
                "/password-resets", {"email": email, "client": harness.client}
            ),
        }
        return all([await _compare(harness, name, ask, known) for name, ask in asked.items()])


async def _compare(harness: AuthHarness, name: str, ask: Ask, known: list[str]) -> bool:
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for email in known:
        for kind, one in (("known", email), ("unknown", new_email())):
            started = time.perf_counter()
            await ask(harness, one)
            times[kind].append(time.perf_counter() - started)
    medians = {kind: median(taken) for kind, taken in times.items()}
    apart = abs(medians["known"] - medians["unknown"]) / max(medians.values())
    shown = ", ".join(f"{kind} {1000 * taken:.1f} ms" for kind, taken in medians.items())
    print(f"{name}: {shown}, apart {100 * apart:.1f} %")
    return apart <= MOST


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, postgres_server(Path(name)) as url:
        sys.exit(0 if asyncio.run(main(url, Path(name))) else 1)
