"""The SQL that stands in the source of `services` and `shared`, found by its syntax tree."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql.asyncpg import dialect

import services
import shared
from tests.support.databases import SCHEMAS

ROOT = Path(__file__).resolve().parents[2]
_DIALECT = dialect()  # type: ignore[no-untyped-call]
_VERBS = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s")
_BOUND = re.compile(r"\s(WHERE|LIMIT|VALUES)\s")
# Names that a module knows only at run time, and values that its statements are complete with.
Samples = Mapping[str, Sequence[Any]]


class Statement(NamedTuple):
    """Where it stands, and its text with named parameters."""

    place: str
    text: str

    @property
    def is_query(self) -> bool:
        return bool(_VERBS.match(self.text))

    @property
    def is_part(self) -> bool:
        """Whether others begin with it: it names rows and does not say which."""
        return not _BOUND.search(self.text) and "max(" not in self.text

    def numbered(self) -> tuple[str, int]:
        """As the driver sends it, and how many parameters it has."""
        compiled = sqlalchemy.text(self.text).compile(dialect=_DIALECT)
        return str(compiled), len(compiled.positiontup or ())

    def schemas(self) -> tuple[str, ...]:
        owner = self.place.split("/")[1]
        return (owner,) if owner in SCHEMAS else SCHEMAS


class Module(NamedTuple):
    """A parsed module, the names that its statements may use, and samples of those it lacks."""

    path: str
    tree: ast.Module
    names: Mapping[str, Any]
    samples: Samples

    def place(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 0)}"


def modules(samples: Mapping[str, Samples]) -> Iterator[Module]:
    """All but migrations, each with the samples that are given for its path."""
    for module in _imported():
        file = Path(str(module.__file__))
        path = str(file.relative_to(ROOT))
        yield Module(path, ast.parse(file.read_text()), vars(module), samples.get(path, {}))


def _imported() -> Iterator[ModuleType]:
    for package in (services, shared):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in info.name and not info.name.endswith("__main__"):
                yield importlib.import_module(info.name)


def statements_of(module: Module) -> Iterator[Statement]:
    """Each string that begins as a query, wherever it stands, and each argument of `text`.

    A template is none: what is made of it is.
    """
    templates = {ast.dump(one.func.value) for one in _calls(module.tree, "format")}
    names = {_name(node): node.value for node in module.tree.body if isinstance(node, ast.Assign)}
    for node in _queries(module):
        name = next((name for name, value in names.items() if value is node), "")
        if {ast.dump(node), ast.dump(ast.Name(name, ast.Load()))} & templates:
            continue
        for value in _values(node, module):
            yield Statement(module.place(node), value)
    for call in texts(module):
        for value in _values(call.args[0], module):
            yield Statement(module.place(call), value)


def texts(module: Module) -> Iterator[ast.Call]:
    """All calls of SQLAlchemy's `text`, by whatever name the module has it."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and _is_text(node.func, module):
            yield node


def _is_text(function: ast.expr, module: Module) -> bool:
    match function:
        case ast.Name() | ast.Attribute(value=ast.Name()):
            return _evaluated(function, module.names) is sqlalchemy.text
    return False


def unresolved(module: Module) -> Iterator[Statement]:
    """The expressions of which the text can't be told: `statements_of` has not seen them.

    A name that is assigned or handed over is no such expression: the strings that it can be stand
    elsewhere, and are seen there.
    """
    for node in [*_queries(module), *(call.args[0] for call in texts(module))]:
        if not list(_values(node, module)) and not _is_local(node, module):
            yield Statement(module.place(node), ast.unparse(node))


def _queries(module: Module) -> Iterator[ast.expr]:
    return (one for one in _strings(module.tree) if _VERBS.match(_beginning(one, module)))


def _strings(tree: ast.AST) -> Iterator[ast.expr]:
    """The outermost expressions that make strings."""
    for node in ast.iter_child_nodes(tree):
        is_string = isinstance(node, ast.Constant) and isinstance(node.value, str)
        is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
        is_format = isinstance(node, ast.Call) and _is_method(node, "format")
        if isinstance(node, ast.expr) and (
            is_string or is_sum or is_format or isinstance(node, ast.JoinedStr)
        ):
            yield node
        else:
            yield from _strings(node)


def _beginning(node: ast.expr, module: Module) -> str:
    """The text before the first name that is known only at run time."""
    match node:
        case ast.JoinedStr(values=[first, *_]) | ast.BinOp(left=first):
            return _beginning(first, module)
        case ast.FormattedValue(value=inner) | ast.Call(func=ast.Attribute(value=inner)):
            return _beginning(inner, module)
    if not isinstance(node, ast.Name | ast.Attribute | ast.Constant):
        return ""
    value = _evaluated(node, module.names)
    return value if isinstance(value, str) else ""


def _values(node: ast.expr, module: Module) -> Iterator[str]:
    for chosen in product(*module.samples.values()):
        sample = dict(zip(module.samples, chosen, strict=True))
        value = _evaluated(node, {**sample, **module.names})
        if isinstance(value, str | TextClause):
            yield str(value)


def _evaluated(node: ast.AST, names: Mapping[str, Any]) -> object:
    """The value of an expression where its names have one, else None."""
    if any(isinstance(part, ast.Await) for part in ast.walk(node)):
        return None
    try:
        return eval(ast.unparse(node), dict(names))
    except (NameError, AttributeError):
        return None


def _calls(tree: ast.AST, method: str) -> Iterator[Any]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_method(node, method):
            yield node


def _is_method(call: ast.Call, name: str) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == name


def _name(node: ast.Assign) -> str:
    target = node.targets[0]
    return target.id if isinstance(target, ast.Name) else ""


def _is_local(node: ast.expr, module: Module) -> bool:
    """Whether it is a name that an object or a function has from elsewhere."""
    match node:
        case ast.Attribute(value=ast.Name("self")):
            return True
        case ast.Name(name):
            return name in _bound(module.tree)
    return False


def _bound(tree: ast.AST) -> set[str]:
    """The names that functions have from callers, loops and assignments."""
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return arguments | {node.id for node in names if isinstance(node.ctx, ast.Store)}
