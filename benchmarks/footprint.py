"""First start, second start and idle memory of `make serve`: `python -m benchmarks.footprint`.

Memory is proportional (PSS, MB): what forked processes share is counted once in all. Linux only.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.usage import proportional_megabytes
from tests.support.product import free_port

IDLE = 5.0  # seconds before memory is read


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, _ = run(Path(folder))
        second, memory = run(Path(folder))
    print(f"first start {first:.1f} s, second start {second:.1f} s, ratio {first / second:.1f}")
    print(f"services, mailbox and supervisor: {memory:.0f} MB")


def run(folder: Path) -> tuple[float, float]:
    """Start, measure, stop; seconds to the addresses and MB."""
    ports = {name: str(free_port()) for name in ("PREREVIEW_PORT", "PREREVIEW_MAILBOX_PORT")}
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "deploy.local", "serve"],
        env={**os.environ, **ports, "PREREVIEW_DATA": str(folder / "data")},
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        assert serving.stdout is not None
        for line in serving.stdout:
            if "Mailbox    http" in line:
                break
        seconds = time.monotonic() - started
        time.sleep(IDLE)
        memory = sum(map(proportional_megabytes, [serving.pid, *python_children(serving.pid)]))
        serving.send_signal(signal.SIGINT)
    return seconds, memory


def python_children(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(status[1]) == parent and b"deploy.local" in command:
            found.append(int(folder.name))
    return found


if __name__ == "__main__":
    main()
