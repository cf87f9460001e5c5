"""One run of ruff over a batch, or one run per file: `python -m benchmarks.ruff_batch [files]`."""

import asyncio
import os
import sys
import time
from pathlib import Path

from services.checker.ruff import Ruff
from services.checker.rules import STANDARD


async def main(count: int) -> None:
    modules = sorted(Path(os.__file__).parent.rglob("*.py"))
    small = [path for path in modules if path.stat().st_size < 50_000][:count]
    contents = {str(path): path.read_bytes() for path in small}
    ruff = Ruff()
    await ruff.check(dict(list(contents.items())[:1]), STANDARD)  # the file cache is warm
    started = time.perf_counter()
    await ruff.check(contents, STANDARD)
    batch = time.perf_counter() - started
    started = time.perf_counter()
    for name, content in contents.items():
        await ruff.check({name: content}, STANDARD)
    single = time.perf_counter() - started
    print(f"{len(contents)} files: one batch {batch:.2f} s, one by one {single:.2f} s")
    print(f"ratio {single / batch:.1f}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
