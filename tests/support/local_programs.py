"""Small programs under a supervisor: `python -m tests.support.local_programs FOLDER [MODE]`.

Runs until it is killed or gets SIGTERM. What it says goes to stdout, one line each; a program
writes its pid to `FOLDER/<name>.pid` at each start and its end to `FOLDER/ends`.
"""

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from deploy.local import processes
from deploy.local.console import say
from deploy.local.processes import Forked, Process, spawn
from deploy.local.supervisor import Program, Supervisor, stopping_on_signals


def note_start(folder: Path, name: str) -> None:
    with (folder / f"{name}.pid").open("a") as file:
        file.write(f"{os.getpid()}\n")


def live(folder: Path, name: str, *, stubborn: bool = False) -> None:
    def end(_number: int, _frame: object) -> None:
        if not stubborn:
            with (folder / "ends").open("a") as file:
                file.write(f"{name}\n")
            sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    note_start(folder, name)
    while True:
        time.sleep(60)


def crash_twice(folder: Path) -> None:
    note_start(folder, "crasher")
    if len((folder / "crasher.pid").read_text().split()) <= 2:
        sys.exit(3)
    time.sleep(600)


def start_shell(folder: Path) -> Process:
    script = f'echo $$ >> "{folder}/shell.pid"; sleep 600 & echo $! >> "{folder}/shell.pid"; wait'
    return spawn(["/bin/sh", "-c", script], os.environ, folder / "shell.log")


def main(folder: Path, mode: str = "") -> None:
    if mode == "watched":  # as where the kernel can't tell a child that its parent died
        processes.HAS_DEATH_SIGNAL = False
    supervisor = Supervisor(say)
    with stopping_on_signals():
        try:
            log = folder / "log"
            first = partial(live, folder, "first")
            supervisor.start([Program("first", partial(Forked, first, log), log)])
            second = partial(live, folder, "second", stubborn=mode == "stubborn")
            crasher = partial(crash_twice, folder)
            supervisor.start(
                [
                    Program("second", partial(Forked, second, log), log, patience=1.0),
                    Program("crasher", partial(Forked, crasher, log), log, patience=1.0),
                    Program("shell", partial(start_shell, folder), log, patience=1.0),
                ]
            )
            say("started")
            supervisor.watch(0.05)
        except KeyboardInterrupt:
            say("stopping")
        finally:
            supervisor.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
