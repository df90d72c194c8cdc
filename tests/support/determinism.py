"""The determinism rules as an ``ast`` walk: a replay must not depend on when or where it runs.

Pure modules and plugins get time, chance and data handed in. What would make two replays of one
tape differ is refused here: clocks, unseeded randomness, the environment, addresses of objects,
``hash()`` (salted per process) and the order of sets (salted as well, for strings).

A line whose loop over a set truly cannot matter may say so: ``# order-free: why``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_BANNED_PREFIXES = {
    "time": "clock: use now_ns of the event in hand",
    "datetime.datetime.now": "clock: use now_ns of the event in hand",
    "datetime.datetime.utcnow": "clock: use now_ns of the event in hand",
    "datetime.datetime.today": "clock: use now_ns of the event in hand",
    "datetime.date.today": "clock: use now_ns of the event in hand",
    "random": "chance: use the seeded Random handed in",
    "secrets": "chance: use the seeded Random handed in",
    "uuid": "chance: ids are counters",
    "os.urandom": "chance: use the seeded Random handed in",
    "os.environ": "environment: configuration comes by constructor",
    "os.getenv": "environment: configuration comes by constructor",
    "os.getpid": "environment: configuration comes by constructor",
}
_ALLOWED = {"random.Random"}
_BANNED_CALLS = {
    "hash": "hash() is salted per process",
    "id": "id() is an address",
    "open": "I/O belongs to the shell",
    "input": "I/O belongs to the shell",
}
_FILE_METHODS = {"read_bytes", "read_text", "write_bytes", "write_text"}
_SET_ANNOTATIONS = {"set", "frozenset", "Set", "AbstractSet", "MutableSet"}
_SET_METHODS = {"difference", "intersection", "symmetric_difference", "union"}
# What takes a set and gives an answer in which its order shows.
_ORDER_SENSITIVE_CALLS = {
    "enumerate",
    "filter",
    "iter",
    "list",
    "map",
    "reversed",
    "sum",
    "tuple",
    "zip",
}
_ORDER_FREE_CALLS = {"all", "any", "frozenset", "len", "max", "min", "set", "sorted"}
_SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_SET_ORDER = "order of a set: wrap it in sorted()"


@dataclass(frozen=True, order=True)
class Finding:
    """One broken rule at one line."""

    line: int
    rule: str


def findings(text: str) -> list[Finding]:
    """Return every broken rule of a source, in line order."""
    tree = ast.parse(text)
    lines = text.splitlines()
    found = sorted({*_outside_names(tree), *_set_orders(tree)})
    return [
        item
        for item in found
        if not (item.rule == _SET_ORDER and "# order-free: " in lines[item.line - 1])
    ]


# --- clocks, chance, environment, builtins -------------------------------------------


def _outside_names(tree: ast.Module) -> Iterator[Finding]:
    meaning = _import_meanings(tree)
    allowed_hashes = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "__hash__"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            yield from _banned_name(node, meaning)
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in _BANNED_CALLS:
            if node.func.id == "hash" and id(node) in allowed_hashes:
                continue
            yield Finding(node.lineno, _BANNED_CALLS[node.func.id])
        if isinstance(node.func, ast.Attribute) and node.func.attr in _FILE_METHODS:
            yield Finding(node.lineno, "I/O belongs to the shell")
        unseeded = not node.args and not node.keywords
        if unseeded and _dotted(node.func, meaning) == "random.Random":
            yield Finding(node.lineno, "chance: Random() without a seed")


def _import_meanings(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for: ``from time import time as t`` -> time.time."""
    meaning = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.split(".")[0]
                meaning[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                meaning[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return meaning


def _dotted(node: ast.expr, meaning: dict[str, str]) -> str:
    """Return the absolute dotted name of an expression, "" where it is not an imported one."""
    if isinstance(node, ast.Name):
        return meaning.get(node.id, "")
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value, meaning)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _banned_name(node: ast.Name | ast.Attribute, meaning: dict[str, str]) -> Iterator[Finding]:
    name = _dotted(node, meaning)
    if not name or name in _ALLOWED:
        return
    for prefix, why in _BANNED_PREFIXES.items():
        # A bare module name (``random`` in ``random.Random``) is judged by what follows it.
        if name.startswith(f"{prefix}.") or (name == prefix and "." in prefix):
            yield Finding(node.lineno, f"{why} ({name})")


# --- the order of sets ---------------------------------------------------------------


def _set_orders(tree: ast.Module) -> Iterator[Finding]:
    file = _File(tree)
    scopes = [_Scope(node, file) for node in ast.walk(tree) if isinstance(node, _SCOPES)]
    for scope in scopes:
        yield from scope.findings()


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Return the nodes of a scope without those of the functions and classes inside it."""
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, _SCOPES):
            continue
        yield child
        yield from _own_nodes(child)


def _is_set_annotation(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr in _SET_ANNOTATIONS
    return isinstance(node, ast.Name) and node.id in _SET_ANNOTATIONS


class _File:
    """What the whole file says: functions that return sets, and attributes that are sets.

    An attribute (``self.stale``) is known by its last part. It counts as a set when something
    says so and nothing says otherwise.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.set_functions: set[str] = set()
        self.attributes: dict[str, bool] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and _is_set_annotation(node.returns):
                self.set_functions.add(node.name)
            if isinstance(node, ast.ClassDef):
                for field in node.body:
                    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        self.note(field.target.id, _is_set_annotation(field.annotation))

    def note(self, attribute: str, is_set: bool) -> None:
        """Take in one statement about an attribute."""
        self.attributes[attribute] = is_set and self.attributes.get(attribute, True)


class _Scope:
    """One function, class or module body, and which of its names are sets."""

    def __init__(self, node: ast.AST, file: _File) -> None:
        self._file = file
        self._nodes = list(_own_nodes(node))
        self._names: dict[str, bool] = {}
        if node is not file.tree:
            for outer in file.tree.body:
                self._learn(outer)
            for inner in self._nodes:  # a local name hides the module's name
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    self._names.pop(inner.id, None)
        if isinstance(node, ast.FunctionDef):
            for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
                self._names[argument.arg] = _is_set_annotation(argument.annotation)
        for inner in self._nodes:
            self._learn(inner)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            is_set = self._is_set(node.value)
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            is_set = _is_set_annotation(node.annotation)
            targets = [node.target]
        else:
            return
        for target in targets:
            if isinstance(target, ast.Name):
                self._names[target.id] = is_set and self._names.get(target.id, True)
            elif isinstance(target, ast.Attribute):
                self._file.note(target.attr, is_set)

    def _is_set(self, node: ast.expr) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Call(func=ast.Name(id="set" | "frozenset")):
                return True
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if (
                name in self._file.set_functions
            ):
                return True
            case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in _SET_METHODS:
                return self._is_set(owner) or _is_keys_view(owner)
            case ast.Call(func=ast.Attribute(value=owner, attr="copy")):
                return self._is_set(owner)
            case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr() | ast.BitXor() | ast.Sub()):
                sides = (left, node.right)
                return any(self._is_set(side) or _is_keys_view(side) for side in sides)
            case ast.IfExp():
                return self._is_set(node.body) or self._is_set(node.orelse)
            case ast.Name(id=name):
                return self._names.get(name, False)
            case ast.Attribute(attr=name):
                return self._file.attributes.get(name, False)
        return False

    def findings(self) -> Iterator[Finding]:
        """Return each place of this scope where the order of a set can reach a result."""
        order_free = {
            id(argument)
            for node in self._nodes
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _ORDER_FREE_CALLS
            and not _has_key(node)
            for argument in node.args
        }
        for node in self._nodes:
            if any(self._is_set(source) for source in _ordered_sources(node, order_free)):
                yield Finding(node.lineno, _SET_ORDER)  # type: ignore[attr-defined]


def _is_keys_view(node: ast.expr) -> bool:
    """Whether it is ``mapping.keys()``: in order by itself, a set after ``-`` or ``&``."""
    return isinstance(node, ast.Call) and (
        isinstance(node.func, ast.Attribute) and node.func.attr == "keys" and not node.args
    )


def _has_key(node: ast.Call) -> bool:
    return any(keyword.arg == "key" for keyword in node.keywords)


def _ordered_sources(node: ast.AST, order_free: set[int]) -> list[ast.expr]:
    """Return the expressions that this node walks through in their own order."""
    match node:
        case ast.For():
            return [node.iter]
        case ast.ListComp() | ast.DictComp() | ast.GeneratorExp() if id(node) not in order_free:
            return [generator.iter for generator in node.generators]
        case ast.Starred():
            return [node.value]
        case ast.Call(func=ast.Name(id=name)) if name in _ORDER_SENSITIVE_CALLS:
            return list(node.args)
        case ast.Call(func=ast.Name(id="max" | "min" | "sorted")) if _has_key(node):
            return list(node.args)  # with a key, ties are decided by the order
        case ast.Call(func=ast.Attribute(attr="join" | "extend")):
            return list(node.args)
        case ast.Call(func=ast.Attribute(value=owner, attr="pop"), args=[]):
            return [owner]
    return []
