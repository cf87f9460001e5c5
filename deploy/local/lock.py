"""One supervisor per data folder, and the way to find it."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import CannotStart
from deploy.local.processes import started_at

FILE = "supervisor.pid"


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel lets go of it when we die, and children don't inherit it.

    Raises:
        CannotStart: another supervisor holds it.
    """
    with (data / FILE).open("a+", encoding="utf-8") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(
                f"Prereview is already running with the data in {data}: open it in the browser, "
                "or stop it with `make down`."
            ) from None
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "started_at": started_at(os.getpid())}))
        file.flush()
        yield


def running_pid(data: Path) -> int | None:
    """The supervisor of this folder, if it lives and the pid is not another program's by now.

    Raises:
        CannotStart: the folder is none, or we may not read in it.
    """
    try:
        told = json.loads((data / FILE).read_text("utf-8"))
        pid, began = int(told["pid"]), told["started_at"]
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return None
    except OSError as reason:
        raise CannotStart(
            f"Nothing can be read in {data} ({reason.strerror}): set PREREVIEW_DATA to a folder of "
            "yours, or unset it."
        ) from None
    started = started_at(pid)
    return pid if started is not None and started == began else None


def stop_running(data: Path, seconds: float = 60.0) -> bool:
    """Ask the supervisor of this folder to stop and wait until it has; False when none runs.

    Raises:
        CannotStart: it did not end in time.
    """
    pid = running_pid(data)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while running_pid(data) is not None:
        if time.monotonic() > deadline:
            raise CannotStart(f"Process {pid} did not stop within {seconds:.0f} s.")
        time.sleep(0.1)
    return True
