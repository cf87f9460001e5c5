"""The checker alone, from due rows to committed results: `python -m benchmarks.checker [files]`.

Against one plain run of ruff over the same files in a folder, with the same rules and JSON output.
The checker is a process as it is started in production, on a database of its own; their contents
files would serve are served here. Tells the ratio, and processor time a file.
"""

import asyncio
import base64
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import asyncpg
from ruff import find_ruff_bin

from deploy.local.servers import private_postgres
from services.checker.rules import STANDARD
from tests.support.databases import PrivateDatabase, create_template
from tests.support.keys import make_keys
from tests.support.running import running_copy, stand_in

ROUNDS = 5
LOOKS = 0.7  # seconds in which the checker has surely looked for due files
_TICK = os.sysconf("SC_CLK_TCK")
_DUE = """
WITH wanted AS (
    SELECT gen_random_uuid() AS file_id, name, sha256, size
    FROM unnest($2::text[], $3::text[], $4::int[]) AS w(name, sha256, size)
), living AS (
    INSERT INTO checker.files (file_id, user_id, sequence, deleted)
    SELECT file_id, $1, 1, false FROM wanted RETURNING file_id
)
INSERT INTO checker.versions
    (file_id, version, user_id, name, sha256, size, changed_at, deleted, correlation_id,
     causation_id)
SELECT file_id, 1, $1, name, sha256, size, clock_timestamp(), false, gen_random_uuid(),
       gen_random_uuid()
FROM wanted JOIN living USING (file_id)
"""


@dataclass(frozen=True)
class Spent:
    """Seconds: of the clock, of the checker's own processor time, and of its ruff's."""

    clock: float
    own: float
    ruff: float


def some_modules(count: int) -> list[Path]:
    """Modules of the standard library, from all over it."""
    everything = sorted(Path(os.__file__).parent.rglob("*.py"))
    small = [
        path
        for path in everything
        if path.stat().st_size < 50_000 and "site-packages" not in path.parts
    ]
    return small[:: max(1, len(small) // count)][:count]


def plain(folder: Path) -> float:
    """Seconds of one run of ruff over the folder."""
    command = [
        find_ruff_bin(), "check", "--isolated", "--no-cache", "--output-format=json", "--quiet",
        f"--select={','.join(STANDARD.select)}", f"--ignore={','.join(STANDARD.ignore)}",
        f"--target-version={STANDARD.target_version}", str(folder),
    ]  # fmt: skip
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.PIPE, check=False)
    return time.perf_counter() - began


class Bench:
    """A running checker, its database, and the files that are due again and again."""

    def __init__(
        self, contents: Mapping[str, bytes], admin: "asyncpg.Connection[Any]", pid: int
    ) -> None:
        self._contents, self._admin, self._pid = contents, admin, pid
        self._checked = 0

    async def round(self) -> Spent:
        names = [f"module{number}.py" for number in range(len(self._contents))]
        sizes = [len(content) for content in self._contents.values()]
        async with self._admin.transaction():
            await self._admin.execute("LOCK TABLE checker.versions")
            await self._admin.execute(_DUE, uuid4(), names, list(self._contents), sizes)
            await asyncio.sleep(LOOKS)  # it waits for the lock to claim them
            before, began = self._used(), time.perf_counter()
        self._checked += len(names)
        while await self._results() < self._checked:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - began
        own, ruff = (now - then for now, then in zip(self._used(), before, strict=True))
        return Spent(seconds, own, ruff)

    async def _results(self) -> int:
        query = "SELECT coalesce(max(position), 0) FROM checker.events"
        return int(await self._admin.fetchval(query))

    def _used(self) -> tuple[float, float]:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        user, system, of_children, system_of_children = map(int, fields[11:15])
        return (user + system) / _TICK, (of_children + system_of_children) / _TICK


async def main(count: int, database: PrivateDatabase, folder: Path) -> None:
    contents = {}
    modules = folder / "modules"
    modules.mkdir()
    for number, path in enumerate(some_modules(count)):
        content = path.read_bytes() + f"\n# {number}\n".encode()  # no two alike
        contents[hashlib.sha256(content).hexdigest()] = content
        (modules / f"m{number:04}.py").write_bytes(content)
    encoded = {sha: base64.b64encode(content).decode() for sha, content in contents.items()}

    async def answer(_: str, body: Any) -> Any:
        return {sha: encoded[sha] for sha in body["sha256"]}

    admin = await database.admin()
    async with stand_in(answer) as url:
        variables = {"FILES_URL": url, "CHECK_INTERVAL": "0"}
        keys, log = make_keys(folder), folder / "checker.log"
        with running_copy("checker", keys, database.url("checker"), log, **variables) as process:
            bench = Bench(contents, admin, process.pid)
            await bench.round()
            plain(modules)
            rounds = [(plain(modules), await bench.round()) for _ in range(ROUNDS)]
    await admin.close()
    tell(len(contents), sum(map(len, contents.values())), rounds)


def tell(files: int, size: int, rounds: list[tuple[float, Spent]]) -> None:
    ratios = [ours.clock / ruff for ruff, ours in rounds]
    print(f"{files} files, {size / 1e6:.1f} MB")
    print(f"plain ruff {median(ruff for ruff, _ in rounds):.2f} s")
    print(f"due rows to committed results {median(ours.clock for _, ours in rounds):.2f} s")
    print(f"ratio {median(ratios):.2f}, round by round {', '.join(f'{r:.2f}' for r in ratios)}")
    own, ruff = (
        1000 / files * median(getattr(ours, name) for _, ours in rounds) for name in ("own", "ruff")
    )
    print(f"processor ms a file: checker {own:.2f}, its ruff {ruff:.2f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, private_postgres(Path(name)) as running:
        template = asyncio.run(create_template(running.url))
        asyncio.run(main(int((sys.argv[1:] or ["500"])[0]), template, Path(name)))
