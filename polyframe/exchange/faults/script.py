"""A fault script: YAML or JSON in, typed faults out, every problem told as file:line.

A script is a ``seed`` and a list of ``faults``, each with its ``kind``. It is read by the
strategy files' own reader, so aliases, tags, look-alike letters and infinities are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec

from polyframe.errors import StrategyError
from polyframe.exchange.faults.catalogue import KINDS, summary
from polyframe.exchange.faults.fault import Fault
from polyframe.plugin import Config
from polyframe.plugin import setting as s
from polyframe.strategy.schema import Schema, struct_schema
from polyframe.strategy.source import (
    KeyPath,
    Kind,
    Problem,
    Source,
    parse_source,
    read_source,
    refusal,
)
from polyframe.strategy.wording import Explainer, SettingsValidator, nearest

_MOST_FAULTS = 1_000


_SCRIPT = Kind("fault script", "examples/bad-day.faults.yaml", "faults:")


class FaultScript(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults and the seed of their chance."""

    seed: Annotated[int, s("of everything that is left to chance", unit="count", ge=0)] = 0
    faults: tuple[Fault, ...] = ()


def read_script(path: Path | str) -> FaultScript:
    """Read a script.

    Raises:
        StrategyError: every problem found, one ``file:line: path: message`` line each.
    """
    return _script(read_source(path, _SCRIPT))


def parse_script(text: str, path: str = "script") -> FaultScript:
    """Parse a script's text; ``path`` is only shown in messages. See :func:`read_script`."""
    return _script(parse_source(text, path, _SCRIPT))


def fault_of(value: Any) -> Fault:
    """Return one fault from plain JSON data, as the admin endpoint takes it.

    Raises:
        StrategyError: what is wrong with it; the path and line mean nothing here.
    """
    problems: list[Problem] = []
    source = Source("fault", {"faults": [value]}, {(): 1})
    fault = _fault(source, 0, value, problems)
    if fault is None:
        raise refusal("fault", problems)
    return fault


def kind_schema(kind: str) -> Schema:
    """Return the JSON Schema of one kind, ``kind`` itself included.

    Raises:
        KeyError: no such kind.
    """
    return struct_schema(KINDS[kind])


def script_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a script, for editors."""
    kinds = {kind: kind_schema(kind) for kind in KINDS}
    outer = struct_schema(_Outer)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **outer,
        "title": "polyframe fault script",
        "properties": {
            "seed": outer["properties"]["seed"],
            "faults": {
                "type": "array",
                "maxItems": _MOST_FAULTS,
                "items": {"oneOf": list(kinds.values())},
            },
        },
    }


class _Outer(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A script before its faults are looked at one by one: a union's errors say too little."""

    seed: Annotated[int, s("of everything that is left to chance", unit="count", ge=0)] = 0
    faults: Annotated[tuple[Any, ...], msgspec.Meta(max_length=_MOST_FAULTS)] = ()


def _script(source: Source) -> FaultScript:
    problems = list(source.problems)
    problems += _problems(source, source.data, (), struct_schema(_Outer))
    faults: list[Fault] = []
    entries = source.data.get("faults")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        fault = _fault(source, index, entry, problems)
        if fault is not None:
            faults.append(fault)
    if problems:
        raise refusal(source.path, problems)
    return FaultScript(seed=source.data.get("seed", 0), faults=tuple(faults))


def _fault(source: Source, index: int, entry: Any, problems: list[Problem]) -> Fault | None:
    where: KeyPath = ("faults", index)
    line = source.lines.get(where, 1)
    if not isinstance(entry, dict):
        problems.append(Problem(line, where, "is not a fault; write '- kind: drop' and so on"))
        return None
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        near = nearest(kind, KINDS) if isinstance(kind, str) else None
        hint = f"did you mean {near}?" if near else f"choose one of {', '.join(KINDS)}"
        at = (*where, "kind")
        text = "is missing" if kind is None else f"there is no fault of kind {kind!r:.42}"
        problems.append(Problem(source.lines.get(at, line), at, f"{text}; {hint}"))
        return None
    found = _problems(source, entry, where, kind_schema(kind))
    try:
        fault = None if found else msgspec.convert(entry, KINDS[kind], strict=True)
    except msgspec.ValidationError as error:
        if not any(path[: len(where)] == where for path in source.unreadable):  # told already
            found = [Problem(line, where, f"{error}; correct it")]
        fault = None
    if fault is not None and fault.flaw():
        found = [Problem(line, where, fault.flaw())]
        fault = None
    problems += found
    return fault


def _problems(source: Source, data: Any, where: KeyPath, schema: Schema) -> list[Problem]:
    explainer = Explainer(schema)
    found: list[Problem] = []
    for error in SettingsValidator(schema).iter_errors(data):
        for path, text in explainer.explain(error):
            whole = (*where, *path)
            if any(whole[:n] in source.unreadable for n in range(1, len(whole) + 1)):
                continue
            line = next(
                (source.lines[whole[:n]] for n in range(len(whole), -1, -1)
                 if whole[:n] in source.lines), 1,
            )  # fmt: skip
            found.append(Problem(line, whole, text))
    return found


__all__ = [
    "FaultScript",
    "StrategyError",
    "fault_of",
    "kind_schema",
    "parse_script",
    "read_script",
    "script_schema",
    "summary",
]
