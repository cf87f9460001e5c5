"""The export of a person with many files: `python -m benchmarks.export`.

The whole product, its database filled with somebody's files, checked in each version. The archive
is downloaded and looked into, against reading the same by one query a table; and what somebody
else's list costs meanwhile, against the same list before.
"""

import asyncio
import tempfile
import time
import zipfile
from dataclasses import dataclass
from statistics import median

import asyncpg
import httpx2

from benchmarks.figures import Figure, at_least, faster, tell
from benchmarks.filling import Size, fill, person
from benchmarks.running import temporary_folder
from benchmarks.upload_memory import PASSWORD, log_in
from tests.faults.database import admin_url
from tests.support.product import Product, running_product

SIZE = Size(people=2, files=50, big_files=2000, versions=2)
_SAME_PASSWORD = """
UPDATE auth.users SET password_hash = (
    SELECT password_hash FROM auth.users WHERE email = 'ann@example.org'
) WHERE user_id = $1
"""
_BULK = (
    "SELECT * FROM reports.files WHERE user_id = $1",
    """SELECT v.*, c.content FROM files.file_versions v JOIN files.contents c USING (sha256)
       WHERE user_id = $1""",
    """SELECT c.*, m.* FROM reports.checks c LEFT JOIN reports.mails m USING (check_id)
       WHERE c.user_id = $1""",
    "SELECT * FROM reports.mails WHERE user_id = $1",
)


@dataclass(frozen=True)
class Archive:
    entries: int
    megabytes: float
    seconds: float


@dataclass(frozen=True)
class Found:
    """An archive, the seconds of reading the same in bulk, and of another person's list."""

    archive: Archive
    bulk: float
    quiet: float
    meanwhile: list[float]


def figures() -> list[Figure]:
    with (
        temporary_folder() as folder,
        running_product(folder, PREREVIEW_BCRYPT_COST="4") as product,
    ):
        return told(asyncio.run(_measure(product)))


def told(found: Found) -> list[Figure]:
    archive = found.archive
    rate, bulk = archive.entries / archive.seconds, archive.entries / found.bulk
    during, quiet = 1000 * median(found.meanwhile), 1000 * found.quiet
    return [
        Figure(f"export of {archive.entries:,} entries", rate, "/s", goal=at_least(2000)),
        faster("… against one query a table", rate, bulk, "/s"),
        Figure("… its archive", archive.megabytes, "MB"),
        Figure("… another person's list meanwhile", during, "ms", quiet, during / quiet),
    ]


async def _measure(product: Product) -> Found:
    connection = await asyncpg.connect(admin_url(product))
    async with httpx2.AsyncClient(base_url=product.url, timeout=60) as ann:
        await log_in(ann, "ann@example.org")
        await fill(connection, SIZE)
        await connection.execute(_SAME_PASSWORD, person(1))
        bulk = await read_in_bulk(connection)
        await listing(ann)
        quiet = await listing(ann)
        export = asyncio.create_task(download(product))
        meanwhile = [await listing(ann)]
        while not export.done():
            meanwhile.append(await listing(ann))
        found = Found(await export, bulk, quiet, meanwhile)
    await connection.close()
    return found


async def read_in_bulk(connection: "asyncpg.Connection[asyncpg.Record]") -> float:
    began = time.perf_counter()
    for query in _BULK:
        await connection.fetch(query, person(1))
    return time.perf_counter() - began


async def download(product: Product) -> Archive:
    """Raises `AssertionError` for one that is not whole."""
    account = {"email": f"{person(1)}@example.org", "password": PASSWORD}
    with tempfile.TemporaryFile() as kept:
        async with httpx2.AsyncClient(base_url=product.url, timeout=600) as http:
            begun = (await http.post("/api/v1/sessions", json=account)).raise_for_status()
            http.headers["Authorization"] = f"Bearer {begun.json()['access_token']}"
            began = time.perf_counter()
            async with http.stream("GET", "/api/v1/me/export") as answer:
                answer.raise_for_status()
                async for piece in answer.aiter_bytes():
                    kept.write(piece)
            seconds = time.perf_counter() - began
        size = kept.tell() / 1e6
        with zipfile.ZipFile(kept) as archive:
            names = archive.namelist()
            assert archive.testzip() is None
    assert names[-1] == "complete.json"
    return Archive(len(names), size, seconds)


async def listing(http: httpx2.AsyncClient) -> float:
    """The median time of ten, in seconds."""
    times = []
    for _ in range(10):
        began = time.perf_counter()
        (await http.get("/api/v1/files")).raise_for_status()
        times.append(time.perf_counter() - began)
    return median(times)


if __name__ == "__main__":
    tell(figures())
