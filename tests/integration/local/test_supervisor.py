"""Children are started again, stopped in order, and never outlive the supervisor."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.processes import started_at
from deploy.local.supervisor import Program, Supervisor
from tests.support.processes import is_alive

NAMES = ("first", "second", "crasher", "shell")


@contextmanager
def supervised(folder: Path, *mode: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.local_programs", str(folder), *mode],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: len(pids(folder)) >= 5)
        yield process
    finally:
        process.kill()
        process.communicate()


def pids(folder: Path) -> list[int]:
    found = [folder / f"{name}.pid" for name in NAMES]
    return [int(pid) for file in found if file.exists() for pid in file.read_text().split()]


Began = dict[int, str]  # a number may be another process's by the time it is looked at


def living(folder: Path) -> Began:
    return {pid: began for pid in pids(folder) if (began := started_at(pid))}


def are_gone(children: Began) -> bool:
    return all(started_at(pid) != began for pid, began in children.items())


def until(probe: Callable[[], object], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not probe():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_a_child_that_crashes_is_started_again_after_one_second_then_two(tmp_path: Path) -> None:
    began = time.monotonic()
    with supervised(tmp_path) as supervisor:
        until(lambda: len((tmp_path / "crasher.pid").read_text().split()) == 3)
        assert time.monotonic() - began > 3
        supervisor.terminate()
        said, _ = supervisor.communicate(timeout=10)
    assert "crasher … ended with exit code 3, starts again in 1 s" in said
    assert "crasher … ended with exit code 3, starts again in 2 s" in said


def test_a_child_that_had_started_is_started_again_at_once_however_often_it_dies(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    sleeper = ["sleep", "60"]
    program = Program(
        "sleeper",
        lambda: subprocess.Popen(sleeper, start_new_session=True),
        tmp_path / "sleeper.log",
        settled=0.3,
    )
    supervisor.start([program])
    for _ in range(3):
        time.sleep(0.4)
        assert isinstance(program.process, subprocess.Popen)
        killed = program.process
        killed.kill()
        killed.wait()
        supervisor.check()
        supervisor.check()
        assert program.process not in {None, killed}
    supervisor.stop()
    assert said == [f"sleeper … ended by signal 9, starts again at once; see {program.log}"] * 3


def test_one_whose_start_takes_long_is_given_a_pause_when_it_dies_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    program = Program(
        "slow",
        lambda: subprocess.Popen(["true"], start_new_session=True),
        tmp_path / "slow.log",
        settled=20.0,
    )
    supervisor.start([program])
    assert isinstance(program.process, subprocess.Popen)
    program.process.wait()
    program.started -= 8.0
    supervisor.check()
    assert said == [f"slow … ended with exit code 0, starts again in 1 s; see {program.log}"]


def test_the_last_group_ends_first_and_nothing_is_left(tmp_path: Path) -> None:
    with supervised(tmp_path) as supervisor:
        children = living(tmp_path)
        supervisor.send_signal(signal.SIGINT)
        supervisor.communicate(timeout=10)
    assert (tmp_path / "ends").read_text().split() == ["second", "first"]
    until(lambda: are_gone(children))


def test_who_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    with supervised(tmp_path, "stubborn") as supervisor:
        children = living(tmp_path)
        supervisor.terminate()
        said, _ = supervisor.communicate(timeout=10)
    assert "had to be killed" in said
    assert (tmp_path / "ends").read_text().split() == ["first"]
    until(lambda: are_gone(children))


@pytest.mark.parametrize("mode", ["kernel", "watched"])
def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path, mode: str) -> None:
    with supervised(tmp_path, mode) as supervisor:
        children = [pid for pid in pids(tmp_path) if is_alive(pid)]
        assert len(children) >= 4
        supervisor.kill()
        supervisor.wait()
        # The shell's own child is of its process group, which the watcher kills as a whole.
        direct = children if mode == "watched" else children[:-1]
        until(lambda: not any(map(is_alive, direct)), seconds=5)
    if is_alive(children[-1]):
        subprocess.run(["kill", "-9", str(children[-1])], check=True)


def test_pid_and_start_time_tell_processes_apart() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        told = started_at(process.pid)
        assert told is not None
        assert told == started_at(process.pid)
        process.kill()
    assert started_at(process.pid) is None
