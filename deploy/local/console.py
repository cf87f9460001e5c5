"""What the person at the terminal reads: one line per step."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress


def say(line: str) -> None:
    with suppress(OSError):  # a terminal that was closed must not keep us from stopping in order
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def step(done: str, work: Callable[[], None]) -> None:
    """Do the work, then say `done` with the seconds it took."""
    began = time.monotonic()
    work()
    say(f"{done} ({time.monotonic() - began:.1f} s)")
