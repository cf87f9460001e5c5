"""Programs started by the fork server, and what becomes of them when it dies."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.checker.sandbox.isolation import Isolation
from services.checker.sandbox.launcher import Launcher
from services.checker.sandbox.limited_process import ProcessEnd, ProcessLimits, run_limited
from tests.support.waiting import eventually

SLEEPS = "import os, time\nos.write(1, b'%d' % os.getpid())\ntime.sleep(60)"
pytestmark = pytest.mark.programs


@pytest_asyncio.fixture
async def launcher() -> AsyncIterator[Launcher]:
    launcher = Launcher()
    yield launcher
    await launcher.close()


async def run(
    launcher: Launcher,
    program: str,
    folder: Path,
    said: asyncio.Queue[bytes] | None = None,
    **env: str,
) -> tuple[ProcessEnd, bytes]:
    out = bytearray()
    end = await run_limited(
        [sys.executable, "-I", "-S", "-c", program],
        folder=folder,
        env=env,
        limits=ProcessLimits(),
        isolation=Isolation(),
        launcher=launcher,
        seconds=30,
        read_out=said.put_nowait if said else out.extend,
        read_err=bytearray().extend,
    )
    return end, bytes(out)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_concurrent_programs_have_their_own_folder_environment_and_exit_code(
    launcher: Launcher, tmp_path: Path
) -> None:
    program = "import os\nprint(os.environ, os.getcwd(), flush=True)\nos._exit({})"
    folders = [tmp_path / str(number) for number in range(20)]
    for folder in folders:
        folder.mkdir()
    found = await asyncio.gather(
        *(run(launcher, program.format(n), one, N=str(n)) for n, one in enumerate(folders))
    )
    for number, (end, out) in enumerate(found):
        assert end == ProcessEnd(number)
        assert f"'N': '{number}'" in out.decode()
        assert out.decode().split()[-1] == str(folders[number])
        assert b"PATH" not in out


async def test_all_are_started_by_one_process(launcher: Launcher, tmp_path: Path) -> None:
    program = "import os\nprint(os.getppid())"
    parents = {(await run(launcher, program, tmp_path))[1] for _ in range(3)}
    assert len(parents) == 1
    assert int(parents.pop()) != os.getpid()


async def test_processor_time_is_reported(launcher: Launcher, tmp_path: Path) -> None:
    program = "import time\nwhile time.process_time() < 0.5: pass"
    end, _ = await run(launcher, program, tmp_path)
    assert 0.4 < end.cpu_seconds < 1.5


async def test_the_signal_that_ended_a_program_is_reported(
    launcher: Launcher, tmp_path: Path
) -> None:
    end, _ = await run(launcher, "import os\nos.kill(os.getpid(), 11)", tmp_path)
    assert end.code == -signal.SIGSEGV


async def test_a_cancelled_run_leaves_no_process(launcher: Launcher, tmp_path: Path) -> None:
    said = asyncio.Queue[bytes]()
    task = asyncio.create_task(run(launcher, SLEEPS, tmp_path, said))
    pid = int(await said.get())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _is_gone(pid)


@pytest.mark.parametrize("turns", range(6))
async def test_a_program_cancelled_during_its_start_is_killed(
    launcher: Launcher, tmp_path: Path, turns: int
) -> None:
    await run(launcher, "", tmp_path)
    mark = tmp_path / "mark"
    program = f"import time\ntime.sleep(0.5)\nopen({str(mark)!r}, 'w')"
    task = asyncio.create_task(run(launcher, program, tmp_path))
    for _ in range(turns):
        await asyncio.sleep(0.0005)
    task.cancel()
    await asyncio.wait({task})
    await asyncio.sleep(1)
    assert not mark.exists()
    assert (await run(launcher, "print('well')", tmp_path))[1] == b"well\n"


async def test_when_the_fork_server_dies_runs_fail_and_the_next_one_starts_another(
    launcher: Launcher, tmp_path: Path
) -> None:
    said = asyncio.Queue[bytes]()
    task = asyncio.create_task(run(launcher, SLEEPS, tmp_path, said))
    pid = int(await said.get())
    parent = int((await run(launcher, "import os\nprint(os.getppid())", tmp_path))[1])
    os.kill(parent, signal.SIGKILL)
    with pytest.raises(OSError, match="gone"):
        await task
    await eventually(lambda: _gone(pid))
    assert (await run(launcher, "print('well')", tmp_path))[1] == b"well\n"


async def _gone(pid: int) -> bool:
    return _is_gone(pid)


@pytest.mark.parametrize("when", ["before a start", "before an end"])
async def test_a_fork_server_that_does_not_respond_is_replaced(tmp_path: Path, when: str) -> None:
    launcher, said = Launcher(timeout=1), asyncio.Queue[bytes]()
    parent = int((await run(launcher, "import os\nprint(os.getppid())", tmp_path))[1])
    if when == "before a start":
        os.kill(parent, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            await run(launcher, "", tmp_path)
    else:
        task = asyncio.create_task(run(launcher, SLEEPS, tmp_path, said))
        pid = int(await said.get())
        os.kill(parent, signal.SIGSTOP)
        task.cancel()
        with pytest.raises((OSError, asyncio.CancelledError)):
            await task
        await eventually(lambda: _gone(pid))
    assert _is_gone(parent)
    assert (await run(launcher, "print('well')", tmp_path))[1] == b"well\n"
    await launcher.close()


async def test_the_fork_server_ends_with_its_launcher(tmp_path: Path) -> None:
    launcher = Launcher()
    parent = int((await run(launcher, "import os\nprint(os.getppid())", tmp_path))[1])
    begun = time.monotonic()
    await launcher.close()
    assert _is_gone(parent)
    assert time.monotonic() - begun < 5


async def test_a_program_that_cannot_be_started_raises(launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="isolation"):
        await run_limited(
            [tmp_path / "missing"],
            folder=tmp_path,
            env={},
            limits=ProcessLimits(),
            isolation=Isolation(),
            launcher=launcher,
            seconds=30,
            read_out=bytearray().extend,
            read_err=bytearray().extend,
        )


async def test_a_program_has_no_descriptors_but_its_own(launcher: Launcher, tmp_path: Path) -> None:
    program = "import os\nprint(*sorted(os.listdir('/dev/fd')))"
    _, out = await run(launcher, program, tmp_path)
    assert out.split() == [b"0", b"1", b"2", b"3"]  # the last one is the folder that is listed
