"""Starts child programs in order, starts those that crash again, stops them in reverse order."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.errors import CannotStart
from deploy.local.processes import Process, kill_group, stop
from shared.errors import MISCONFIGURED

BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds, for what dies while it starts
Say = Callable[[str], None]


@dataclass
class Program:
    """A child: how it starts, how it is asked to stop, where its log is."""

    name: str
    start: Callable[[], Process]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 20.0  # seconds it may take to stop
    settled: float = 5.0  # seconds its start takes at most: who dies later is started again at once
    process: Process | None = field(default=None, repr=False)
    started: float = 0.0
    crashes: int = 0
    due: float | None = None  # when to start it again

    def run(self) -> None:
        self.process, self.started, self.due = self.start(), time.monotonic(), None

    def last_word(self) -> str:
        """The last line of its log."""
        return (self.log.read_text("utf-8", "replace").splitlines() or [self.name])[-1]


class Supervisor:
    """Groups of programs: a group is started after those before it and stopped before them."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._groups: list[Sequence[Program]] = []

    def start(self, programs: Sequence[Program]) -> None:
        """Start a group; does not wait until it is ready."""
        self._groups.append(programs)
        for program in programs:
            program.run()

    def check(self) -> None:
        """Note who has died and start again those whose time has come.

        Raises:
            CannotStart: one has told that its settings keep it from starting.
        """
        now = time.monotonic()
        for program in self._programs():
            if program.due is not None:
                if now >= program.due:
                    self._run_again(program)
            elif program.process is not None and (code := program.process.poll()) is not None:
                kill_group(program.process)
                if code == MISCONFIGURED:
                    raise CannotStart(program.last_word())
                self._crashed(program, _ending(code))

    def watch(self, pause: float = 0.3) -> None:
        """Keep everything running; ends by an exception, such as `KeyboardInterrupt`."""
        while True:
            self.check()
            time.sleep(pause)

    def stop(self) -> None:
        """End everything, the last group first; after a second or twenty nothing is left."""
        while self._groups:
            group = self._groups.pop()
            alive = [p for p in group if p.process is not None and p.process.poll() is None]
            processes = [p.process for p in alive if p.process is not None]
            if alive and not stop(processes, alive[0].stop_signal, alive[0].patience):
                self._say(f"{', '.join(p.name for p in alive)} … had to be killed")

    def _run_again(self, program: Program) -> None:
        try:
            program.run()
        except (CannotStart, OSError) as reason:
            self._crashed(program, str(reason))

    def _crashed(self, program: Program, how: str) -> None:
        now = time.monotonic()
        if now - program.started > program.settled:
            program.crashes, wait, when = 0, 0.0, "at once"
        else:
            wait = BACKOFF[min(program.crashes, len(BACKOFF) - 1)]
            program.crashes, when = program.crashes + 1, f"in {wait:.0f} s"
        program.process, program.due = None, now + wait
        self._say(f"{program.name} … {how}, starts again {when}; see {program.log}")

    def _programs(self) -> Iterator[Program]:
        for group in self._groups:
            yield from group


def _ending(code: int) -> str:
    return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Turn SIGTERM, SIGINT and a closed terminal into `KeyboardInterrupt`, once.

    A second one would interrupt the stopping and leave it to the kernel.
    """
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def interrupt(_number: int, _frame: object) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
