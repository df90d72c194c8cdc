"""Names that a module has for the type checker only, found in its source.

What stands under ``if TYPE_CHECKING:`` does not exist at run time, and to import it could end in a
circle; polyframe's own names are the exception.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

UNKNOWN = object()
"""Stands for what such a name means when it is not polyframe's."""


def checker_names(module: ModuleType | None) -> dict[str, Any]:
    """Return the names, each with what it means, or :data:`UNKNOWN`."""
    try:
        tree = ast.parse(inspect.getsource(module)) if module is not None else ast.Module([], [])
    except (OSError, TypeError, SyntaxError):
        return {}
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and _is_for_checker(node.test):
            for statement in node.body:
                found.update(_names(statement))
    return found


def _is_for_checker(test: ast.expr) -> bool:
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def _names(statement: ast.stmt) -> Iterator[tuple[str, Any]]:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            top = alias.name.partition(".")[0]
            yield (alias.asname, _ours(alias.name)) if alias.asname else (top, _ours(top))
    elif isinstance(statement, ast.ImportFrom):
        module = "" if statement.level else statement.module or ""
        for alias in statement.names:
            yield alias.asname or alias.name, _ours(module, alias.name)
    elif isinstance(statement, ast.ClassDef):
        yield statement.name, UNKNOWN
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id, UNKNOWN


def _ours(module: str, name: str = "") -> Any:
    if module.partition(".")[0] not in ("polyframe", "typing", "collections"):
        return UNKNOWN
    try:
        found = importlib.import_module(module)
        return getattr(found, name) if name else found
    except (ImportError, AttributeError):
        return UNKNOWN
