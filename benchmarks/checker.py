"""The checker alone, from due rows to committed results: `python -m benchmarks.checker`.

Against one plain run of ruff over the same files in a folder, with the same rules and JSON output.
The checker is a process as it is started in production, on a database of its own; their contents
files would serve are served here.
"""

import asyncio
import base64
import hashlib
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
from ruff import find_ruff_bin

from benchmarks import usage
from benchmarks.figures import Figure, at_most, tell
from benchmarks.sources import sources
from deploy.local.servers import private_postgres
from services.checker.rules import STANDARD
from tests.support.databases import PrivateDatabase, create_template
from tests.support.keys import make_keys
from tests.support.running import running_copy, stand_in

FILES, ROUNDS = 500, 7
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


class Spent(NamedTuple):
    """Seconds: of the clock, of a program's own processor time, and of its children's."""

    clock: float
    own: float
    children: float

    @property
    def processor(self) -> float:
        return self.own + self.children


def plain(folder: Path) -> Spent:
    """What one run of ruff over the folder takes."""
    command = [
        find_ruff_bin(), "check", "--isolated", "--no-cache", "--output-format=json", "--quiet",
        f"--select={','.join(STANDARD.select)}", f"--ignore={','.join(STANDARD.ignore)}",
        f"--target-version={STANDARD.target_version}", str(folder),
    ]  # fmt: skip
    before, began = _children(), time.perf_counter()
    subprocess.run(command, stdout=subprocess.PIPE, check=False)
    return Spent(time.perf_counter() - began, 0, _children() - before)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Checker:
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
        own, children = (now - then for now, then in zip(self._used(), before, strict=True))
        return Spent(seconds, own, children)

    async def _results(self) -> int:
        query = "SELECT coalesce(max(position), 0) FROM checker.events"
        return int(await self._admin.fetchval(query))

    def _used(self) -> tuple[float, float]:
        """Its own processor seconds, and those of all it has started, directly or not."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        own = sum(map(int, fields[11:13])) / _TICK
        return own, usage.processor_of({"checker": self._pid})["checker"] - own


async def measure(database: PrivateDatabase, folder: Path) -> list[tuple[Spent, Spent]]:
    """What plain ruff and the checker take, round by round, after one that is not counted."""
    modules = folder / "modules"
    modules.mkdir()
    contents = {hashlib.sha256(one.content).hexdigest(): one.content for one in sources(FILES)}
    for sha256, content in contents.items():
        (modules / f"m{sha256}.py").write_bytes(content)
    encoded = {sha: base64.b64encode(content).decode() for sha, content in contents.items()}

    async def answer(_: str, body: Any) -> Any:
        return {sha: encoded[sha] for sha in body["sha256"]}

    admin = await database.admin()
    try:
        async with stand_in(answer) as url:
            variables = {"FILES_URL": url, "CHECK_INTERVAL": "0"}
            keys, log = make_keys(folder), folder / "checker.log"
            with running_copy("checker", keys, database.url("checker"), log, **variables) as copy:
                checker = Checker(contents, admin, copy.pid)
                return [(plain(modules), await checker.round()) for _ in range(1 + ROUNDS)][1:]
    finally:
        await admin.close()


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name, private_postgres(Path(name)) as running:
        template = asyncio.run(create_template(running.url))
        rounds = asyncio.run(measure(template, Path(name)))
    peers, ours = zip(*rounds, strict=True)
    ratio = median(one.clock / peer.clock for peer, one in rounds)

    def of_a_file(seconds: list[float]) -> float:
        return 1000 * median(seconds) / FILES

    own, all_in_all, peer = (
        of_a_file([one.own for one in ours]),
        of_a_file([one.processor for one in ours]),
        of_a_file([one.processor for one in peers]),
    )
    what = "checker alone"
    return [
        Figure(
            f"{what}: {FILES} files, due → recorded, against one ruff run",
            median(one.clock for one in ours), "s", median(one.clock for one in peers), ratio,
            at_most(1.6),
        ),
        Figure(f"{what}: processor a file", all_in_all, "ms", peer, all_in_all / peer),
        Figure(f"{what}: of it outside its runs of ruff", own, "ms"),
    ]  # fmt: skip


if __name__ == "__main__":
    tell(figures())
