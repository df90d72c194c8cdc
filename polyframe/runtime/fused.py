"""Calls of hooks written out as code: one plain call per plugin, nothing in between.

A hook's implementations are known when a run starts, and each takes its own choice of the hook's
arguments. For the two hooks that run with every message the loop over them is therefore written
out once, as a person would write it for these very plugins::

    def on_book(market, now_ns):
        try:
            call0(market)
        except Exception as error:
            failed(plugin0, 'on_book', error)
        try:
            call1(market, now_ns)
        except Exception as error:
            failed(plugin1, 'on_book', error)

so that a further plugin costs what calling it costs. Any exception is caught, because here a
stranger's code ends: one plugin's failure must not keep the next from seeing the event. The source
consists of argument names of the contract and of running numbers; plugins, their names and their
functions are values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from polyframe.model import PluginVeto
from polyframe.runtime.signatures import HOOK_ARGUMENTS

# Any exception: one plugin's failure must not keep the next from being asked.
_CATCH = "    except Exception as error:"


@dataclass(frozen=True)
class Implementation:
    """One plugin's implementation of a hook, and the arguments it takes, in its own order."""

    plugin: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Clock:
    """Times each call: ``overran(plugin, hook)`` is told of those above ``budget_ns``."""

    timer: Callable[[], int]
    budget_ns: int
    overran: Callable[[str, str], None]


Failed = Callable[[str, str, Exception], None]
Take = Callable[[str, Any, list[PluginVeto]], None]


def with_all_arguments(hook: str, implementation: Implementation) -> Callable[..., Any]:
    """Return the implementation as a callable of all the hook's arguments, by position."""
    allowed = HOOK_ARGUMENTS[hook]
    if implementation.arguments == allowed:
        return implementation.function
    source = (
        f"def {hook}({', '.join(allowed)}):\n"
        f"    return call({_checked(hook, implementation.arguments)})\n"
    )
    return _made(hook, source, {"call": implementation.function})


def fused_facts(
    hook: str, implementations: Sequence[Implementation], failed: Failed, clock: Clock | None
) -> Callable[..., None] | None:
    """Return one function that tells a fact to every plugin; None when nobody listens."""
    if not implementations:
        return None
    lines: list[str] = []
    for at, implementation in enumerate(implementations):
        lines += [
            "    try:",
            f"        call{at}({_checked(hook, implementation.arguments)})",
            _CATCH,
            f"        failed(plugin{at}, {hook!r}, error)",
            *_timing(hook, at, clock),
        ]
    return _fused(hook, lines, implementations, clock, {"failed": failed})


def fused_vetoes(
    hook: str,
    implementations: Sequence[Implementation],
    failed: Callable[[str, str, Exception, list[PluginVeto]], None],
    take: Take,
    clock: Clock | None,
) -> Callable[..., tuple[PluginVeto, ...]] | None:
    """Return one function that asks every plugin and returns all vetoes; None without plugins.

    ``take(plugin, answer, vetoes)`` checks an answer other than None and appends to the vetoes;
    ``failed`` gets the vetoes too, to append the one that stands for the exception.
    """
    if not implementations:
        return None
    lines = ["    vetoes = []"]
    for at, implementation in enumerate(implementations):
        lines += [
            "    try:",
            f"        answer = call{at}({_checked(hook, implementation.arguments)})",
            "        if answer is not None:",
            f"            take(plugin{at}, answer, vetoes)",
            _CATCH,
            f"        failed(plugin{at}, {hook!r}, error, vetoes)",
            *_timing(hook, at, clock),
        ]
    lines.append("    return tuple(vetoes)")
    return _fused(hook, lines, implementations, clock, {"failed": failed, "take": take})


def _timing(hook: str, at: int, clock: Clock | None) -> list[str]:
    if clock is None:
        return []
    return [
        "    ended = timer()",
        "    if ended - started > budget_ns:",
        f"        overran(plugin{at}, {hook!r})",
        "    started = ended",
    ]


def _fused(
    hook: str,
    lines: list[str],
    implementations: Sequence[Implementation],
    clock: Clock | None,
    scope: dict[str, Any],
) -> Callable[..., Any]:
    for at, implementation in enumerate(implementations):
        scope[f"call{at}"] = implementation.function
        scope[f"plugin{at}"] = implementation.plugin
    if clock is not None:
        lines = ["    started = timer()", *lines]
        scope |= {"timer": clock.timer, "budget_ns": clock.budget_ns, "overran": clock.overran}
    source = "\n".join([f"def {hook}({', '.join(HOOK_ARGUMENTS[hook])}):", *lines, ""])
    return _made(hook, source, scope)


def _checked(hook: str, arguments: tuple[str, ...]) -> str:
    unknown = [name for name in arguments if name not in HOOK_ARGUMENTS[hook]]
    if unknown:
        raise ValueError(f"{hook} has no argument {unknown[0]!r}")
    return ", ".join(arguments)


def _made(hook: str, source: str, scope: dict[str, Any]) -> Callable[..., Any]:
    exec(compile(source, f"<fused {hook}>", "exec"), scope)
    made: Callable[..., Any] = scope[hook]
    return made
