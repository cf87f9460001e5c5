"""Output is read to the end, and limits end the process."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from services.checker.sandbox.isolation import Isolation
from services.checker.sandbox.limited_process import ProcessEnd, ProcessLimits, run_limited
from services.checker.sandbox.output_pipe import OutputPipe

LINES = 20
pytestmark = pytest.mark.programs


async def run(
    program: str, folder: Path, seconds: float = 30, limits: ProcessLimits | None = None
) -> tuple[ProcessEnd, bytes, bytes]:
    out, err = bytearray(), bytearray()
    end = await run_limited(
        [sys.executable, "-I", "-S", "-c", program],
        folder=folder,
        env={},
        limits=limits or ProcessLimits(),
        isolation=Isolation(),
        seconds=seconds,
        read_out=out.extend,
        read_err=err.extend,
    )
    return end, bytes(out), bytes(err)


async def test_output_is_read_completely_and_in_order(tmp_path: Path) -> None:
    program = "import os\nfor n in range(20_000): os.write(1 + n % 2, b'%d\\n' % n)"
    end, out, err = await run(program, tmp_path)
    assert end == ProcessEnd(0)
    assert out.split() == [b"%d" % number for number in range(0, 20_000, 2)]
    assert err.split() == [b"%d" % number for number in range(1, 20_000, 2)]


async def test_output_before_a_timeout_is_read(tmp_path: Path) -> None:
    program = "import os, time\nfor n in range(9): os.write(2, b'x')\ntime.sleep(60)"
    end, _, err = await run(program, tmp_path, seconds=2)
    assert end.reason == "timeout"
    assert err == 9 * b"x"


async def test_a_process_that_closes_its_output_and_goes_on_is_killed_by_the_timeout(
    tmp_path: Path,
) -> None:
    program = "import os, time\nos.close(1)\nos.close(2)\ntime.sleep(60)"
    end, _, _ = await run(program, tmp_path, seconds=2)
    assert end.reason == "timeout"


async def test_a_cancelled_run_leaves_no_process(tmp_path: Path) -> None:
    program = "import os, time\nos.write(1, b'%d' % os.getpid())\ntime.sleep(60)"
    said = asyncio.Queue[bytes]()
    task = asyncio.create_task(
        run_limited(
            [sys.executable, "-I", "-S", "-c", program],
            folder=tmp_path,
            env={},
            limits=ProcessLimits(),
            isolation=Isolation(),
            seconds=30,
            read_out=said.put_nowait,
            read_err=bytearray().extend,
        )
    )
    pid = int(await said.get())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_lines_that_come_one_by_one_are_read_several_at_a_time() -> None:
    out, into = os.pipe()
    pieces: list[bytes] = []
    pipe = OutputPipe(pieces.append)
    with open(out, "rb", buffering=0) as stream:  # noqa: PTH123
        await pipe.connect(stream)
        time.sleep(0.1)  # it has been read for so long, and may pause
        for number in range(LINES):
            os.write(into, b"%d\n" % number)
            await asyncio.sleep(0)
        os.close(into)
        await pipe.ended.wait()
    assert b"".join(pieces).split() == [b"%d" % number for number in range(LINES)]
    assert len(pieces) < LINES
