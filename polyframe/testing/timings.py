"""How long each hook took in contract tests; pytest's summary shows it. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MEASURED: dict[str, dict[str, Sequence[int]]] = {}
"""Nanoseconds of each call, by plugin and hook, of this test session."""


def keep(plugin: str, nanoseconds: Mapping[str, Sequence[int]]) -> None:
    """Keep a plugin's measures for the summary, in place of earlier ones of the same name."""
    MEASURED[plugin] = dict(nanoseconds)


def lines(measured: Mapping[str, Mapping[str, Sequence[int]]]) -> list[str]:
    """Return the table: plugin, hook, calls, p99 and longest call in microseconds."""
    rows = [
        f"{plugin:20} {hook:16} {len(calls):6} {p99_ns(calls) / 1e3:10.1f} {max(calls) / 1e3:10.1f}"
        for plugin, hooks in sorted(measured.items())
        for hook, calls in hooks.items()
        if calls
    ]
    head = f"{'plugin':20} {'hook':16} {'calls':>6} {'p99 us':>10} {'max us':>10}"
    return [head, *rows] if rows else []


def p99_ns(calls: Sequence[int]) -> int:
    """Return the call time that one in a hundred exceeds (the longest of fewer than a hundred)."""
    ordered = sorted(calls)
    return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
