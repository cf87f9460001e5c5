"""All that docs/performance.md tells of: `make bench`, or `python -m benchmarks [NAME …]`.

What was found is told as it comes, and in one table at the end. Without names everything is
measured, and the table is written into the page.
"""

import importlib
import os
import sys
import time
import traceback
from collections.abc import Callable

from benchmarks.figures import Figure, table
from benchmarks.page import PAGE, write
from deploy.local.console import say
from deploy.local.packages import ensure_rabbitmq
from deploy.local.postgres import forget_variables
from deploy.local.unpacking import tools_folder

Measure = Callable[[], list[Figure]]

# In the order of the table; one without `figures` is passed over.
BENCHMARKS = (
    "pipeline",
    "checker",
    "mail",
    "latency",
    "uploads",
    "consuming",
    "appending",
    "export",
    "memory",
    "growth",
)


def main(names: list[str]) -> int:
    """1 when something could not be measured, 0 whatever the figures are."""
    if sys.platform != "linux":
        sys.stderr.write("Benchmarks need Linux: they read what processes use from /proc.\n")
        return 2
    if unknown := [name for name in names if name not in BENCHMARKS]:
        sys.stderr.write(f"No {', '.join(unknown)} among {', '.join(BENCHMARKS)}\n")
        return 2
    forget_variables()
    ensure_rabbitmq(say, tools_folder() / "log")
    load = os.getloadavg()[0]
    found: list[Figure] = []
    failed = []
    for name in names or BENCHMARKS:
        if (measure := _benchmark(name)) is None:
            sys.stderr.write(f"{name} … has no figures\n")
        elif (figures := _measured(name, measure)) is None:
            failed.append(name)
        else:
            found += figures
    sys.stdout.write(f"\n{table(found)}\n")
    if failed:
        sys.stdout.write(f"Could not be measured: {', '.join(failed)}\n")
    elif not names:
        write(found, load)
        sys.stdout.write(f"It stands in {PAGE}.\n")
    return int(bool(failed))


def _benchmark(name: str) -> Measure | None:
    return getattr(importlib.import_module(f"benchmarks.{name}"), "figures", None)


def _measured(name: str, measure: Measure) -> list[Figure] | None:
    """None where it broke: the others are measured all the same."""
    begun = time.monotonic()
    sys.stderr.write(f"{name} … ")
    sys.stderr.flush()
    try:
        figures = measure()
    except Exception:  # noqa: BLE001 - whatever a benchmark may meet
        traceback.print_exc()
        return None
    sys.stderr.write(f"{time.monotonic() - begun:.0f} s\n")
    sys.stderr.writelines(f"  {figure.line()}\n" for figure in figures)
    return figures


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
