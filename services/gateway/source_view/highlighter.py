"""A program that writes the highlighting of the Python source on its input.

It runs in a process of its own, as the parser, written in C, can't be interrupted, holds the GIL,
and needs up to 350 bytes of memory for each byte of source.
"""

import builtins
import contextlib
import os
import resource
import sys
from array import array
from collections.abc import Iterator

import tree_sitter_python
from tree_sitter import Language, Node, Parser

from services.gateway.source_view.highlight_styles import STYLES

MAX_RUNS = 200_000  # the rest of the source is plain
# 1 MiB of dense source takes half of the CPU time and 72 MiB. See docs/decisions/0013.
_LIMITS = {
    resource.RLIMIT_CPU: 1,  # seconds
    resource.RLIMIT_AS: 96 << 20,  # bytes
    resource.RLIMIT_CORE: 0,
}
_KINDS = {
    "comment": "comment",
    "string_start": "string",
    "string_content": "string",
    "string_end": "string",
    "format_specifier": "string",
    "integer": "number",
    "float": "number",
    "true": "keyword",
    "false": "keyword",
    "none": "keyword",
}
_DEFINITIONS = ("function_definition", "class_definition")
_BUILTINS = frozenset(name.encode() for name in dir(builtins) if name.islower()) | {b"self", b"cls"}

Run = tuple[int, str]


def main() -> None:
    """Write the starts of runs, in characters, as 32-bit integers; then a style byte for each."""
    limit()
    source = sys.stdin.buffer.read()
    starts, styles = array("I", [0]), bytearray([0])
    for start, style in _changes(in_characters(source, runs(source))):
        starts.append(start)
        styles.append(STYLES.index(style) if len(styles) < MAX_RUNS else 0)
        if len(styles) > MAX_RUNS:
            break
    sys.stdout.buffer.write(starts.tobytes() + styles)


def limit() -> None:
    """Set resource limits, and be the first process that the OOM killer ends."""
    for which, most in _LIMITS.items():
        with contextlib.suppress(OSError, ValueError):  # a limit the system does not know
            resource.setrlimit(which, (most, most))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
        score.write("1000")
    os.nice(5)


def runs(source: bytes) -> Iterator[Run]:
    """The byte offsets where styles begin, in order; "" ends a run.

    It walks over the leaves: queries take quadratic time if a node has many children.
    """
    cursor = Parser(Language(tree_sitter_python.language())).parse(source).walk()
    parents: list[str] = []
    done = 0  # end of the last run
    while cursor.node:
        node = cursor.node
        style, stop = _style(node, cursor.field_name, parents, source)
        if style and node.start_byte >= done:
            yield from ((node.start_byte, style), (stop, ""))
            done = stop
        if node.end_byte > done and cursor.goto_first_child():
            parents.append(node.type)
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            parents.pop()


def _style(node: Node, field: str | None, parents: list[str], source: bytes) -> tuple[str, int]:
    """The style of a node and where it ends; "" if its children have styles of their own."""
    kind, stop = node.type, node.end_byte
    if kind == "identifier":
        if field == "name" and parents[-1] in _DEFINITIONS:
            return "name", stop
        builtin = field != "attribute" and source[node.start_byte : stop] in _BUILTINS
        return "builtin" if builtin else "", stop
    if kind == "decorator":
        return "decorator", _end_of_name(node)
    if not node.is_named and kind.replace(" ", "").isalpha():
        return "keyword", stop
    return _KINDS.get(kind, ""), stop


def _end_of_name(decorator: Node) -> int:
    """The end of `@app.get` in `@app.get("/")`."""
    name: Node | None = decorator.named_child(0)
    if name and name.type == "call":
        name = name.child_by_field_name("function")
    if name and name.type in {"identifier", "attribute"}:
        return name.end_byte
    return decorator.start_byte + 1


def in_characters(source: bytes, found: Iterator[Run]) -> Iterator[Run]:
    """The same runs with offsets in characters."""
    ascii_only, at, count = source.isascii(), 0, 0
    for start, style in found:
        count += start - at if ascii_only else len(source[at:start].decode("utf-8", "replace"))
        at = start
        yield count, style


def _changes(found: Iterator[Run]) -> Iterator[Run]:
    """Merge adjacent runs of one style, and drop empty ones."""
    last, waiting = "", None
    for run in found:
        if waiting and waiting[0] < run[0] and waiting[1] != last:
            yield waiting
            last = waiting[1]
        waiting = run
    if waiting and waiting[1] != last:
        yield waiting


if __name__ == "__main__":
    main()
