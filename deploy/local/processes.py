"""Child processes that never outlive this one, however it ends."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Protocol

HAS_DEATH_SIGNAL = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG = 1  # prctl(2)
# The parent may have died before the leash was on: then nothing would ever send the signal.
_IF_PARENT_LIVES = 'test "$PPID" = "$0" && exec "$@"'
# Where the kernel has no such signal (macOS) a shell looks every second.
_WATCH = """(
while kill -0 "$1" 2>/dev/null; do
    kill -0 "$0" 2>/dev/null || { kill -9 -"$1" "$1"; exit; }
    sleep 1
done) </dev/null >/dev/null 2>&1 &"""


class Process(Protocol):
    """The part of `subprocess.Popen` that stopping and watching need."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...


def spawn(
    command: Sequence[str | Path],
    env: Mapping[str, str],
    log: Path,
    identity: Sequence[str] = (),
    folder: Path | None = None,
) -> Process:
    """Run a program in the background, its output appended to `log`.

    It is in a session of its own, so that Ctrl-C reaches only us and we decide the order in which
    things end. `identity` are options of setpriv(1), `folder` is where it works.
    """
    leash: list[str] = []
    if setpriv := _setpriv():
        leash = [setpriv, "--pdeathsig", "KILL", *identity]
        leash += ["/bin/sh", "-c", _IF_PARENT_LIVES, str(os.getpid())]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [*leash, *map(str, command)],
            env=dict(env),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    if not leash:
        _watch(process.pid)
    return process


class Forked:
    """A function running in a process of its own that shares our memory until it writes."""

    def __init__(self, run: Callable[[], None], log: Path) -> None:
        """Start `run` with its output appended to `log`; call it from the main thread only."""
        parent = os.getpid()
        self.returncode: int | None = None
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _live(run, log, parent)
        if not HAS_DEATH_SIGNAL:
            _watch(self.pid)

    def poll(self) -> int | None:
        if self.returncode is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(0.02)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


def stop(processes: Sequence[Process], sig: signal.Signals, seconds: float) -> bool:
    """Ask all to end, wait for them together, kill the late; False when one had to be killed.

    What they have started themselves and left behind is killed too.
    """
    for process in processes:
        process.send_signal(sig)
    deadline = time.monotonic() + seconds
    gentle = True
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            gentle = False
        kill_group(process)
        process.wait()
    return gentle


def kill_group(process: Process) -> None:
    """End the process, if it still lives, and what it has started and not taken elsewhere."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def started_at(pid: int) -> str | None:
    """When a living process began, in the system's own words: pid and this together are unique."""
    if not Path("/proc/self").exists():
        ps = ["ps", "-o", "lstart=", "-p", str(pid)]
        shown = subprocess.run(ps, capture_output=True, text=True, check=False)  # noqa: S603
        return shown.stdout.strip() or None
    with suppress(OSError):
        # Behind the program's name, which is in brackets and may hold spaces: state, 18 more, time.
        state, *more = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return None if state == "Z" else more[18]
    return None


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and its parent has not asked how."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return started_at(pid) is None


def _live(run: Callable[[], None], log: Path, parent: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        _die_with(parent)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        _redirect(log)
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the last place where it can be told
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
        os._exit(code)


def _die_with(parent: int) -> None:
    if HAS_DEATH_SIGNAL:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _redirect(log: Path) -> None:
    for descriptor, target, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, str(log), os.O_WRONLY | os.O_APPEND | os.O_CREAT),
    ):
        opened = os.open(target, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.dup2(1, 2)


def _setpriv() -> str | None:
    return shutil.which("setpriv") if HAS_DEATH_SIGNAL else None


def _watch(pid: int) -> None:
    subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", _WATCH, str(os.getpid()), str(pid)], start_new_session=True, check=True
    )
