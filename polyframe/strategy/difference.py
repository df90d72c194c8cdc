"""What differs between two profiles, setting by setting."""

from __future__ import annotations

from typing import Any, NamedTuple

from polyframe.strategy.loading import Strategy
from polyframe.strategy.schema import resolved_schema, unit_at
from polyframe.strategy.source import KeyPath, dotted

ABSENT = "(absent)"
"""Stands for the value of a key the other strategy does not have."""


class Difference(NamedTuple):
    """One setting with two values; ``unit`` is empty where the setting has none."""

    path: str
    paper: Any
    production: Any
    unit: str


def profile_diff(paper: Strategy, production: Strategy) -> list[Difference]:
    """Return every resolved setting whose value differs, in the order of the settings.

    Lists are compared whole. A pin or a plugin that only one side has counts as a difference.
    """
    schema = resolved_schema(
        {name: type(config) for s in (production, paper) for name, config in s.plugins.items()}
    )
    left, right = _flat(paper), _flat(production)
    rows: list[Difference] = []
    for path in [*left, *(path for path in right if path not in left)]:
        a, b = left.get(path, ABSENT), right.get(path, ABSENT)
        if a != b or type(a) is not type(b):
            rows.append(Difference(dotted(path), a, b, unit_at(schema, path)))
    return rows


def count_settings(strategy: Strategy) -> int:
    """Return how many settings the strategy has, defaults included."""
    return len(_flat(strategy))


def _flat(strategy: Strategy) -> dict[KeyPath, Any]:
    flat: dict[KeyPath, Any] = {}
    _collect(strategy.resolved["settings"], (), flat)
    for entry in strategy.resolved["plugins"]:
        where = ("plugins", entry["name"])
        if entry["dist"] is not None:
            flat[(*where, "dist")] = entry["dist"]
        _collect(entry["config"], where, flat)
    return flat


def _collect(value: Any, path: KeyPath, into: dict[KeyPath, Any]) -> None:
    if not isinstance(value, dict):
        into[path] = value
        return
    for key, below in value.items():
        _collect(below, (*path, key), into)
