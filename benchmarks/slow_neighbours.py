"""What a file waits beside another person's slow ones: `python -m benchmarks.slow_neighbours`.

Slow are files of one line of a mebibyte of `#`, for which ruff takes the square of its length. Once
four that are due at the same moment, then one every second for a minute: each time a file of ten
bytes of another person. The checker is a process as it is started in production, on a database of
its own; the contents files would serve are served here.
"""

import asyncio
import base64
import hashlib
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from deploy.local.servers import private_postgres
from tests.support.databases import PrivateDatabase, create_template
from tests.support.keys import make_keys
from tests.support.running import running_copy, stand_in

SLOW, ALONE = 4, 5
_DUE = """
WITH living AS (
    INSERT INTO checker.files (file_id, user_id, sequence, deleted) VALUES ($1, $2, 1, false)
)
INSERT INTO checker.versions
    (file_id, version, user_id, name, sha256, size, changed_at, deleted, correlation_id,
     causation_id)
VALUES ($1, 1, $2, 'main.py', $3, $4, clock_timestamp(), false, gen_random_uuid(),
        gen_random_uuid())
"""


class Bench:
    def __init__(self, admin: "asyncpg.Connection[Any]") -> None:
        self._admin, self.contents = admin, dict[str, bytes]()

    async def answer(self, _: str, body: Any) -> Any:
        return {sha: base64.b64encode(self.contents[sha]).decode() for sha in body["sha256"]}

    async def save(self, user_id: UUID, content: bytes) -> UUID:
        sha256, file_id = hashlib.sha256(content).hexdigest(), uuid4()
        self.contents[sha256] = content
        await self._admin.execute(_DUE, file_id, user_id, sha256, len(content))
        return file_id

    async def slow(self, user_id: UUID) -> None:
        await self.save(user_id, b"#" * (1 << 20) + b"\n# %d\n" % len(self.contents))

    async def waited(self, user_id: UUID) -> float:
        """Seconds until a small file has its result."""
        began = time.perf_counter()
        file_id = await self.save(user_id, b"x = %d\n" % len(self.contents))
        query = "SELECT count(*) FROM checker.events WHERE stream_id = $1"
        while not await self._admin.fetchval(query, f"checks-{file_id}"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return time.perf_counter() - began


async def main(seconds: int, database: PrivateDatabase, folder: Path) -> None:
    admin = await database.admin()
    bench, spammer, other = Bench(admin), uuid4(), uuid4()
    async with stand_in(bench.answer) as url:
        variables = {"FILES_URL": url, "CHECK_INTERVAL": "0"}
        keys, log = make_keys(folder), folder / "checker.log"
        with running_copy("checker", keys, database.url("checker"), log, **variables):
            await bench.waited(other)  # it has started
            alone = [await bench.waited(other) for _ in range(ALONE)]
            for _ in range(SLOW):
                await bench.slow(spammer)
            beside = await bench.waited(other)
            flooded, end = [], time.monotonic() + seconds
            while time.monotonic() < end:
                await bench.slow(spammer)
                flooded.append(await bench.waited(other))
                await asyncio.sleep(max(0.0, 1 - flooded[-1]))
    await admin.close()
    print(f"alone {median(alone):.2f} s, beside {SLOW} slow files of another person {beside:.2f} s")
    print(
        f"beside one more slow file a second for {seconds} s: median {median(flooded):.2f} s,"
        f" longest {max(flooded):.2f} s, {len(flooded)} slow files"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, private_postgres(Path(name)) as running:
        template = asyncio.run(create_template(running.url))
        asyncio.run(main(int((sys.argv[1:] or ["60"])[0]), template, Path(name)))
