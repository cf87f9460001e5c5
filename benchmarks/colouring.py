"""Ways to colour Python, on ordinary and on hostile texts: `python -m benchmarks.colouring`.

Prints milliseconds of processor time at doubling sizes and the exponent of growth between the last
two: 1 is linear, 2 the square. `ended` took longer than `SECONDS`. The last column is what the
gateway runs, its start included; `plain` after its time says that it came to a limit of its own.
"""

import math
import multiprocessing
import resource
import subprocess
import sys
import time
import tokenize
from collections.abc import Callable
from io import StringIO
from multiprocessing.connection import Connection
from pathlib import Path

import tree_sitter_python
from pygments.lexers.python import PythonLexer
from tree_sitter import Language, Parser, Query, QueryCursor

from services.gateway.source_view import highlighter
from tests.unit.gateway.source_view.test_highlighting import HOSTILE

Way = Callable[[str], bool | None]
SECONDS = 10
SIZES = (4 << 10, 8 << 10, 16 << 10, 32 << 10)  # characters
LARGEST = 1 << 20
ORDINARY = ("typing.py", "argparse.py", "inspect.py", "turtle.py")
MORE: dict[str, Callable[[], str]] = {
    "space, open bracket": lambda: " (\n" * (LARGEST // 3),
    "match, spaces": lambda: "match" + " " * (LARGEST - 5),
    "indented blank lines": lambda: "    \n" * (LARGEST // 5),
    "square brackets, closed": lambda: "[" * (LARGEST // 2) + "]" * (LARGEST // 2),
    "not": lambda: "not " * (LARGEST // 4),
    "sums": lambda: "1+" * (LARGEST // 2),
    "semicolons": lambda: ";" * LARGEST,
    "percents": lambda: "'" + "%(" * (LARGEST // 2),
}


def pygments(text: str) -> None:
    for _ in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
        pass


def tree_sitter(text: str) -> None:
    for _ in highlighter.runs(text.encode()):
        pass


def tree_sitter_query(text: str) -> None:
    language = Language(tree_sitter_python.language())
    tree = Parser(language).parse(text.encode())
    QueryCursor(Query(language, tree_sitter_python.HIGHLIGHTS_QUERY)).captures(tree.root_node)


def stdlib(text: str) -> None:
    try:
        for _ in tokenize.generate_tokens(StringIO(text).readline):
            pass
    except (tokenize.TokenError, SyntaxError):
        pass  # the rest would be plain


def process(text: str) -> bool:
    command = [sys.executable, "-E", "-s", "-m", "services.gateway.source_view.highlighter"]
    ended = subprocess.run(command, env={}, input=text.encode(), capture_output=True, check=False)
    return ended.returncode == 0


WAYS = (pygments, tree_sitter_query, stdlib, tree_sitter, process)


def main() -> None:
    print("".join(f"{name:>26}" for name in ("", *(way.__name__ for way in WAYS))))
    folder = Path(tokenize.__file__).parent
    for name in ORDINARY:
        text = (folder / name).read_text()
        cells = [_once(way, text) for way in WAYS]
        _print(f"{name} ({len(text) >> 10} KiB)", cells)
    for name, made in (HOSTILE | MORE).items():
        text = made()
        _print(name, [_growth(way, text) for way in WAYS])
    print(f"\nOf {LARGEST >> 20} MiB each, what the gateway runs:")
    for name, made in (HOSTILE | MORE).items():
        _print(name, [_once(process, made())])


def _print(name: str, cells: list[str]) -> None:
    print("".join(f"{cell:>26}" for cell in (name, *cells)), flush=True)


def _once(way: Way, text: str) -> str:
    seconds, whole = _measured(way, text)
    return f"{_shown([seconds])} ms{'' if whole else ', plain'}"


def _growth(way: Way, text: str) -> str:
    times: list[float] = []
    for size in SIZES:
        seconds, whole = _measured(way, text[:size])
        times.append(seconds)
        if not whole:
            return f"{_shown(times)} {'plain' if seconds < SECONDS else 'ended'}"
    return f"{_shown(times)} ^{math.log2(times[-1] / times[-2]):.1f}"


def _shown(times: list[float]) -> str:
    return " ".join(f"{1000 * seconds:.0f}" for seconds in times)


def _measured(way: Way, text: str) -> tuple[float, bool]:
    """Processor seconds, and whether it came to its end; in a process that may be ended."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(way, text, theirs))
    child.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(SECONDS) else (SECONDS, False)
    finally:
        child.kill()
        child.join()


def _run(way: Way, text: str, answer: Connection) -> None:
    started = _used()
    whole = way(text) is not False
    answer.send((max(_used() - started, 1e-4), whole))


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
