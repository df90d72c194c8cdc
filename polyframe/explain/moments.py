"""Moments as a person writes them (``--at``) and as a screen shows them; always UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from polyframe.errors import UsageError

_SECOND_NS = 1_000_000_000
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_RELATIVE = re.compile(r"-(\d{1,9})([smhd])", re.ASCII)
_CLOCK = r"(?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?"
_ABSOLUTE = re.compile(
    rf"(?:(?P<date>\d{{4}}-\d{{2}}-\d{{2}})(?:[T ]|$))?(?:{_CLOCK})?"
    r"(?P<zone>Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)


class Moment(NamedTuple):
    """A time as precise as it was written: UTC ns of its first and last nanosecond.

    A day, a minute, a second or a part of one. A screen shows less than nanoseconds, and a person
    writes less than a screen: whoever names a minute must find what was in it.
    """

    first_ns: int
    last_ns: int


def parse_moment(text: str, option: str, last_ns: int) -> Moment:
    """Return the moment an option names.

    Args:
        text: ``2026-11-28T00:50:11Z`` (without a zone it is UTC) or less of it, ``00:50:11``
            (of the run's last day), or ``-5m`` (before the run's last span; s, m, h, d).
        option: whose text it is, for the error.
        last_ns: the run's last span, UTC ns.

    Raises:
        UsageError: it is none of these.
    """
    text = text.strip()
    try:
        moment = _moment(text, last_ns)
        for ns in moment:
            _datetime(ns)  # what no calendar has, no screen can show
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"{option} {text[:60]!r}: write 2026-11-28T00:50:11Z, 00:50:11 (of the run's last "
            "day, UTC) or -5m (before the run's last span)"
        ) from None
    return moment


def _moment(text: str, last_ns: int) -> Moment:
    if relative := _RELATIVE.fullmatch(text):
        ns = last_ns - int(relative[1]) * _UNITS_S[relative[2]] * _SECOND_NS
        return Moment(ns, ns)
    found = _ABSOLUTE.fullmatch(text)
    if not text or found is None or (found["date"] is None and found["hour"] is None):
        raise ValueError("no moment")
    date = found["date"] or day_text(last_ns)
    clock = f"{found['hour'] or '00'}:{found['minute'] or '00'}:{found['second'] or '00'}"
    moment = datetime.fromisoformat(f"{date}T{clock}{found['zone'] or 'Z'}")
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    fraction = found["fraction"] or ""
    first_ns = since_epoch // timedelta(seconds=1) * _SECOND_NS + int(fraction.ljust(9, "0"))
    return Moment(first_ns, first_ns + _length_ns(found) - 1)


def _length_ns(found: re.Match[str]) -> int:
    """Return how long what was written lasts."""
    if found["hour"] is None:
        return _UNITS_S["d"] * _SECOND_NS
    if found["second"] is None:
        return _UNITS_S["m"] * _SECOND_NS
    return int(10 ** (9 - len(found["fraction"] or "")))


def clock_text(ns: int) -> str:
    """Return the time of day of UTC ns, cut to milliseconds: ``00:50:11.364``."""
    return f"{_datetime(ns):%H:%M:%S}.{ns % _SECOND_NS // 1_000_000:03d}"


def near_text(ns: int, other_ns: int) -> str:
    """Return the time of day of UTC ns, with the day unless it is that of ``other_ns``."""
    is_same = day_text(ns) == day_text(other_ns)
    return clock_text(ns) if is_same else f"{day_text(ns)} {clock_text(ns)}"


def day_text(ns: int) -> str:
    """Return the day of UTC ns: ``2026-11-28``."""
    return f"{_datetime(ns):%Y-%m-%d}"


def span_text(seconds: float) -> str:
    """Return a length of time in the unit one would say it in: ``0.9 ms``, ``12.3 s``, ``3 h``."""
    if seconds < 0.1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h"


def _datetime(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // _SECOND_NS, UTC)
