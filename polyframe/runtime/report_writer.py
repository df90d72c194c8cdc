"""Reports on disk: one file a UTC day, every run of that day in it, written atomically."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from polyframe.errors import PolyframeError

SCHEMA = "polyframe.report-file/1"


def day_of(ts_ns: int) -> str:
    """Return the UTC day of an instant as YYYY-MM-DD."""
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).strftime("%Y-%m-%d")


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
