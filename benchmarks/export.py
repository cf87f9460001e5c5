"""The export of a person with many files, against reading the same by one query a table.

`python -m benchmarks.export [files [versions]]` starts the whole product on private servers, fills
its database with a person who has so many files, each with so many checked versions, downloads the
export and looks into it. It prints entries a second of both, their ratio, and what somebody else's
list costs meanwhile, against the same list before. Linux only.
"""

import asyncio
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import asyncpg
import httpx2

from benchmarks.filling import Size, fill, person
from benchmarks.upload_memory import PASSWORD, log_in
from tests.faults.database import admin_url
from tests.support.product import Product, running_product

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


def main() -> None:
    files, versions = [*map(int, sys.argv[1:]), *(2000, 2)[len(sys.argv) - 1 :]]
    with tempfile.TemporaryDirectory() as folder:
        # Postgres leaves root behind and has to reach its data all the same.
        Path(folder).chmod(0o755)
        with running_product(Path(folder), PREREVIEW_BCRYPT_COST="4") as product:
            size = Size(people=2, files=50, big_files=files, versions=versions)
            asyncio.run(compare(product, size))


async def compare(product: Product, size: Size) -> None:
    connection = await asyncpg.connect(admin_url(product))
    async with httpx2.AsyncClient(base_url=product.url, timeout=60) as ann:
        await log_in(ann, "ann@example.org")
        await fill(connection, size)
        await connection.execute(_SAME_PASSWORD, person(1))
        bulk = await read_in_bulk(connection)
        await listing(ann)
        quiet = await listing(ann)
        export = asyncio.create_task(download(product))
        busy = []
        while not export.done():
            busy.append(await listing(ann))
        entries, megabytes, seconds = await export
    await connection.close()
    print(f"{entries} entries, {megabytes:.0f} MB of zip, in {seconds:.1f} s")
    print(f"export {entries / seconds:.0f} entries/s, the same read in bulk {entries / bulk:.0f}/s")
    print(f"ratio {bulk / seconds:.3f}")
    print(
        f"another person's list: {statistics.median(busy) / quiet:.1f} x in the middle,"
        f" {max(busy) / quiet:.1f} x at most"
    )


async def read_in_bulk(connection: "asyncpg.Connection[asyncpg.Record]") -> float:
    began = time.perf_counter()
    for query in _BULK:
        await connection.fetch(query, person(1))
    return time.perf_counter() - began


async def download(product: Product) -> tuple[int, float, float]:
    """Entries, megabytes and seconds; refuses an archive that is not whole."""
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
    return len(names), size, seconds


async def listing(http: httpx2.AsyncClient) -> float:
    """The median time of ten, in seconds."""
    times = []
    for _ in range(10):
        began = time.perf_counter()
        (await http.get("/api/v1/files")).raise_for_status()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
