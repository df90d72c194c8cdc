"""Types of options that several verbs take: durations, and numbers that are numbers."""

from __future__ import annotations

import math
import re
from typing import Any

import click

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")


class Duration(click.ParamType[float]):
    """``90s``, ``2m``, ``1h30m`` as seconds; a bare number is seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        matches = list(_DURATION.finditer(text))
        if not matches or "".join(match.group() for match in matches) != text:
            self.fail(f"{text!r} is no duration: write 90s, 2m or 1h30m", param, ctx)
        total_s = sum(float(m.group(1)) * _UNITS_S[m.group(2) or "s"] for m in matches)
        if total_s <= 0:
            self.fail(f"{text!r} is no time at all", param, ctx)
        return total_s


class FiniteRange(click.FloatRange):
    """A range of numbers; not-a-number, which every comparison lets through, is outside."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not a number", param, ctx)
        return number
