"""Ways to colour Python, on ordinary and on hostile texts: `python -m benchmarks.colouring`.

Prints milliseconds of processor time at doubling sizes and the exponent of growth between the last
two: 1 is linear, 2 the square. `ended` came to `SECONDS`, `died` to a limit or a fault of its own.
The last column is what the gateway runs, its start and limits included.
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
from pathlib import Path

import tree_sitter_python
from pygments.lexers.python import PythonLexer
from tree_sitter import Language, Parser, Query, QueryCursor

from services.gateway import highlighter
from tests.unit.gateway.test_colouring import HOSTILE

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


def process(text: str) -> None:
    command = [sys.executable, "-E", "-s", "-m", "services.gateway.highlighter"]
    subprocess.run(command, env={}, input=text.encode(), capture_output=True, check=True)


WAYS = (pygments, tree_sitter_query, stdlib, tree_sitter, process)


def main() -> None:
    print("".join(f"{name:>26}" for name in ("", *(way.__name__ for way in WAYS))))
    folder = Path(tokenize.__file__).parent
    for name in ORDINARY:
        text = (folder / name).read_text()
        cells = [f"{_cell(_measured(way, text))} ms" for way in WAYS]
        _print(f"{name} ({len(text) >> 10} KiB)", cells)
    for name, made in (HOSTILE | MORE).items():
        text = made()
        _print(name, [_growth(way, text) for way in WAYS])
    print(f"\nOf {LARGEST >> 20} MiB each, what the gateway runs:")
    for name, made in (HOSTILE | MORE).items():
        _print(name, [f"{_cell(_measured(process, made()))} ms"])


def _print(name: str, cells: list[str]) -> None:
    print("".join(f"{cell:>26}" for cell in (name, *cells)), flush=True)


def _growth(way: Callable[[str], None], text: str) -> str:
    times: list[float | str] = []
    for size in SIZES:
        times.append(_measured(way, text[:size]))
        if isinstance(times[-1], str):
            break
    shown = " ".join(map(_cell, times))
    match times[-2:]:
        case [float() as before, float() as after]:
            return f"{shown} ^{math.log2(after / before):.1f}"
    return shown


def _cell(measured: float | str) -> str:
    return measured if isinstance(measured, str) else f"{1000 * measured:.0f}"


def _measured(way: Callable[[str], None], text: str) -> float | str:
    """Processor seconds; in a process of its own, which may be ended and may die."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(way, text, theirs))
    child.start()
    theirs.close()
    answered = ours.poll(SECONDS)
    try:
        return float(ours.recv()) if answered else "ended"
    except EOFError:
        return "died"
    finally:
        child.kill()
        child.join()


def _run(way: Callable[[str], None], text: str, answer: object) -> None:
    started = _used()
    try:
        way(text)
    except subprocess.CalledProcessError as error:
        del error
        return
    answer.send(_used() - started)  # type: ignore[attr-defined]


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
