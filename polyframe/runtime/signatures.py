"""What a hook method must look like, so that no call of it can go wrong silently.

pluggy takes more than a trading system can allow: wrappers that replace what others answered,
``async def`` whose coroutine nobody awaits, order changed from inside a plugin, arguments with a
default that are never passed, names of hooks that do not exist. Each is refused at load.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from polyframe.hooks import PROJECT, Hooks

_SPEC_MARK = f"{PROJECT}_spec"

HOOK_ARGUMENTS: dict[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(spec).parameters)[1:]
    for name, spec in vars(Hooks).items()
    if hasattr(spec, _SPEC_MARK)
}
"""Each hook's arguments without ``self``, hooks in the order of the contract."""

_REFUSED_OPTIONS = {
    "wrapper": "is a wrapper: it could replace what other plugins answered; write a plain hook",
    "hookwrapper": "is a wrapper: it could replace what other plugins answered; write a plain hook",
    "tryfirst": "says tryfirst: plugins are called in the strategy file's order, change it there",
    "trylast": "says trylast: plugins are called in the strategy file's order, change it there",
    "optionalhook": "says optionalhook: a hook that does not exist would never be called",
    "specname": "says specname: give the method the hook's own name",
}
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
# As alike as on_books and on_book; below that a method is taken for the plugin's own business.
_LIKENESS = 0.85


def method_fault(kind: type, method: str, options: Mapping[str, Any] | None) -> str | None:
    """Return what is wrong with one method of a plugin class, or None.

    ``options`` are those of its ``@hookimpl`` mark, None when it has no such mark.
    """
    function = _function(kind, method)
    if options is None:
        return _unmarked_fault(method) if function is not None else None
    for option, fault in _REFUSED_OPTIONS.items():
        if options.get(option):
            return fault
    if method not in HOOK_ARGUMENTS:
        hint = _alike(method, 0.6)
        known = f"did you mean {hint!r}?" if hint else f"hooks: {', '.join(HOOK_ARGUMENTS)}"
        known = f"{known} or a newer polyframe has it"
        return f"is marked with @hookimpl, but there is no such hook ({known})"
    if function is None:
        return "is not a plain method"
    return _kind_fault(function) or _arguments_fault(kind, method, function)


def _function(kind: type, method: str) -> Callable[..., object] | None:
    # Static, so that no property of a plugin runs because it was looked at.
    static = inspect.getattr_static(kind, method, None)
    if isinstance(static, (staticmethod, classmethod)):
        static = static.__func__
    return static if isinstance(static, FunctionType) else None


def _unmarked_fault(method: str) -> str | None:
    if method in HOOK_ARGUMENTS:
        return "has the name of a hook but no @hookimpl: it would never be called"
    hint = None if method.startswith("_") else _alike(method, _LIKENESS)
    if hint is None:
        return None
    return (
        f"looks like the hook {hint!r}, misspelt and without @hookimpl; "
        "if it is your own method, start its name with an underscore"
    )


def _kind_fault(function: Callable[..., object]) -> str | None:
    inner = inspect.unwrap(function)
    if inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner):
        return "is 'async def': hooks are called synchronously; write 'def' and do no I/O"
    if inspect.isgeneratorfunction(inner):
        return "is a generator: its body would not run; return a list instead of yielding"
    return None


def _arguments_fault(kind: type, method: str, function: Callable[..., object]) -> str | None:
    parameters = list(inspect.signature(function).parameters.values())
    if not isinstance(inspect.getattr_static(kind, method), staticmethod):
        if not parameters:
            return "takes no self"
        parameters = parameters[1:]
    allowed = HOOK_ARGUMENTS[method]
    for parameter in parameters:
        if parameter.kind not in _POSITIONAL:
            return f"takes {parameter}: name the arguments you need out of ({', '.join(allowed)})"
        if parameter.default is not inspect.Parameter.empty:
            return f"gives {parameter.name} a default: it would never be passed; leave it out"
        if parameter.name not in allowed:
            close = difflib.get_close_matches(parameter.name, allowed, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has ({', '.join(allowed)})"
            return f"takes {parameter.name!r}, which the hook does not have ({hint})"
    return None


def _alike(method: str, cutoff: float) -> str | None:
    close = difflib.get_close_matches(method, list(HOOK_ARGUMENTS), n=1, cutoff=cutoff)
    return close[0] if close else None
