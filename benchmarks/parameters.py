"""How much is measured: variables `PREREVIEW_BENCH_…`, which `make bench` sets."""

import os


def number(name: str, default: int) -> int:
    return int(os.environ.get(f"PREREVIEW_BENCH_{name}") or default)
