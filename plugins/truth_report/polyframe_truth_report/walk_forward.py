"""A walk-forward result: its file's format, and the daily returns gate A is judged on. Pure.

One JSON object a line for each out-of-sample UTC day, in order; empty lines and lines that begin
with ``#`` are skipped. Every problem is told as ``file:line: field: what``.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, NamedTuple

import msgspec

# A day cannot lose more than all; far above, somebody wrote dollars or percent.
_LEAST_RETURN, _MOST_RETURN = -1.0, 10.0
_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`$")
_MISSING = re.compile(r"Object missing required field `(.*)`$")
_MOST_SHOWN = 20


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    day: date
    gross_return: Annotated[float, msgspec.Meta(ge=_LEAST_RETURN, le=_MOST_RETURN)]
    cost_return: Annotated[float, msgspec.Meta(ge=0, le=_MOST_RETURN)]


class WalkForward(NamedTuple):
    """What research found out of sample, day by day.

    ``gross`` and ``costs`` are simple returns on start-of-day equity, one a day of ``days``;
    ``sha256`` is that of the file's text.
    """

    days: tuple[date, ...]
    gross: tuple[float, ...]
    costs: tuple[float, ...]
    sha256: str

    def net(self, cost_factor: float = 1.0) -> list[float]:
        """Return each day's ``gross - cost_factor x cost``."""
        return [
            gross - cost_factor * cost for gross, cost in zip(self.gross, self.costs, strict=True)
        ]

    @property
    def left_out(self) -> int:
        """How many days between the first and the last have no line; a flat day needs one."""
        return (self.days[-1] - self.days[0]).days + 1 - len(self.days)


def parse(text: str, file: str, sha256: str) -> WalkForward:
    """Return the result in a file's text; it has a day at least.

    Raises:
        ValueError: one ``file:line: field: what`` for each problem found.
    """
    rows: list[_Line] = []
    problems: list[str] = []
    last_at = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            row = msgspec.json.decode(line, type=_Line)
        except msgspec.ValidationError as error:
            problems.append(f"{file}:{number}: {_told(str(error))}")
            continue
        except msgspec.DecodeError as error:
            problems.append(f"{file}:{number}: not a JSON object: {error}")
            continue
        if rows and row.day <= rows[-1].day:
            problems.append(
                f"{file}:{number}: day: {row.day} is not after {rows[-1].day} on line {last_at}"
            )
            continue
        rows.append(row)
        last_at = number
    if problems:
        more = len(problems) - _MOST_SHOWN
        tail = [f"... and {more} more"] if more > 0 else []
        raise ValueError("\n".join([*problems[:_MOST_SHOWN], *tail]))
    if not rows:
        raise ValueError(f"{file}: holds no day")
    return WalkForward(
        tuple(row.day for row in rows),
        tuple(row.gross_return for row in rows),
        tuple(row.cost_return for row in rows),
        sha256,
    )


def _told(message: str) -> str:
    """Return msgspec's sentence as ``field: what``."""
    for pattern, what in ((_UNKNOWN, "no such field"), (_MISSING, "is missing")):
        named = pattern.match(message)
        if named:
            return f"{named[1]}: {what}"
    at = _AT.search(message)
    if at is None:
        return message
    said = message[: at.start()]
    return f"{at[1]}: {said[:1].lower()}{said[1:]}" if at[1] else said
