"""Reports on disk: one file a UTC day, every run of that day in it, written atomically."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polyframe.errors import PolyframeError, UsageError

SCHEMA = "polyframe.report-file/1"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ANOTHER_VERSION = {"type": "object", "required": ["schema"]}
_FAILED = {
    "type": "object",
    "properties": {"error": {"type": "string"}},
    "required": ["error"],
    "additionalProperties": False,
}


def file_schema(report: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a day's file.

    Args:
        report: the schema of a run's ``report`` (the report plugin's); it holds for reports
            of its own version, and those of other versions are taken as they are.
    """
    is_report: dict[str, Any] = {"anyOf": [_FAILED, _ANOTHER_VERSION]}
    if report is not None:
        body = {key: value for key, value in report.items() if not key.startswith("$")}
        version = report["properties"]["schema"]
        is_report |= {
            "if": {"properties": {"schema": version}, "required": ["schema"]},
            "then": body,
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://polyframe.example/schemas/report-file-1.json",
        "title": "polyframe report file: one UTC day, its runs side by side",
        "type": "object",
        "properties": {
            "schema": {"const": SCHEMA},
            "day": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$"},
            "runs": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "report": is_report,
                        "sections": {
                            "type": "object",
                            "description": "the other plugins' parts, each by its own rules; "
                            "why a figure is null says the part's `nulls`, by its name",
                            "additionalProperties": {"type": "object"},
                        },
                    },
                    "required": ["report", "sections"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["schema", "day", "runs"],
        "additionalProperties": False,
    }


def find_report(folder: Path, day: str | None) -> Path:
    """Return a day's file; the latest day's when none is named.

    Raises:
        UsageError: there is none of the day that was named.
        PolyframeError: there is none at all.
    """
    if day is not None:
        if not _DAY.fullmatch(day):
            raise UsageError(f"{day!r} is no day; write YYYY-MM-DD")
        path = folder / f"{day}.json"
        if path.is_file():
            return path
    try:
        known = sorted(path for path in folder.glob("*.json") if _DAY.fullmatch(path.stem))
    except OSError as error:
        raise PolyframeError(f"{folder}: cannot be read: {error.strerror}") from None
    if day is not None:
        hint = f"the latest is {known[-1].stem}" if known else "there is none yet"
        raise UsageError(f"{folder}: no report of {day}; {hint}")
    if not known:
        raise PolyframeError(f"{folder}: no report yet; 'polyframe run' writes one")
    return known[-1]


def read_report(path: Path) -> dict[str, Any]:
    """Return a day's file.

    Raises:
        PolyframeError: it cannot be read, or is no report file of this version.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolyframeError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise PolyframeError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise PolyframeError(f"{path}: not a report file of version {SCHEMA}")
    runs = found.get("runs")
    if not isinstance(runs, dict) or not all(isinstance(run, dict) for run in runs.values()):
        raise PolyframeError(f"{path}: holds no runs")
    return found


def write_report(folder: Path, day: str, run_id: str, content: Mapping[str, Any]) -> Path:
    """Add a run to its day's report and return the file.

    Runs are kept side by side, never added up: paper and real stay apart.

    Raises:
        PolyframeError: the folder cannot be written, or the file there is no report of ours.
    """
    path = folder / f"{day}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        runs: dict[str, Any] = {}
        if path.exists():
            before = json.loads(path.read_text(encoding="utf-8"))
            if (
                not isinstance(before, dict)
                or before.get("schema") != SCHEMA
                or not isinstance(before.get("runs"), dict)
            ):
                raise PolyframeError(
                    f"{path}: not a polyframe report; move it away, nothing was overwritten"
                )
            runs = before["runs"]
        runs[run_id] = content
        write_atomically(path, {"schema": SCHEMA, "day": day, "runs": runs})
    except OSError as error:
        raise PolyframeError(f"{path}: cannot be written: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise PolyframeError(
            f"{path}:{error.lineno}: not JSON; move it away, nothing was overwritten"
        ) from error
    return path


def write_atomically(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a part.

    Raises:
        ValueError: a number in it is not finite.
    """
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
