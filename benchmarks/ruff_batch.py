"""One run of ruff over a batch, or one run per file: `python -m benchmarks.ruff_batch [files]`.

And what isolating it costs: batches with and without, in turn.
"""

import asyncio
import os
import statistics
import sys
import time
from pathlib import Path

from services.checker.linting.ruff import Ruff
from services.checker.rules import STANDARD

ROUNDS = 9


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
    isolated = ruff.isolated("auto")
    for files in (contents, dict(list(contents.items())[:1])):
        times = [(await timed(ruff, files), await timed(isolated, files)) for _ in range(ROUNDS)]
        plain, kept = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{len(files)} files: plain {plain:.3f} s, isolated {kept:.3f} s: {kept / plain:.2f}")
    print(" ".join(f"{name}={value}" for name, value in isolated.isolation.report().items()))


async def timed(ruff: Ruff, contents: dict[str, bytes]) -> float:
    started = time.perf_counter()
    await ruff.check(contents, STANDARD)
    return time.perf_counter() - started


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
