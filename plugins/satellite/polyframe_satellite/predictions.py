"""The predictions file: its format, and every problem told as ``file:line: field: what``. Pure.

One JSON object a line; empty lines and lines that begin with ``#`` are skipped.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, NamedTuple

import msgspec

from polyframe import MarketSpec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`$")
_MISSING = re.compile(r"Object missing required field `(.*)`$")
_MOST_SHOWN = 20


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    market: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    probability: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    robustness: Annotated[int, msgspec.Meta(ge=0, le=5)]
    tier: Literal["A", "B", "C"]
    expiry: Annotated[datetime, msgspec.Meta(tz=True)]


class Prediction(NamedTuple):
    """What somebody believes of one market.

    ``market`` is its condition id or slug; ``probability`` that its first outcome (YES) wins;
    ``expiry_ns`` the UTC instant after which nobody believes it any more.
    """

    market: str
    probability: float
    confidence: float
    robustness: int
    tier: str
    expiry_ns: int

    @property
    def identity(self) -> str:
        """What tells a new belief about the market from the old one."""
        return f"{self.probability!r}/{self.expiry_ns}"


class Predictions:
    """The parsed file.

    Args:
        found: predictions by market, in file order.
    """

    def __init__(self, found: dict[str, Prediction]) -> None:
        self._by_market = found

    def __len__(self) -> int:
        return len(self._by_market)

    def of(self, spec: MarketSpec) -> Prediction | None:
        """Return the market's prediction: by condition id, else by slug."""
        return self._by_market.get(spec.market_id) or self._by_market.get(spec.slug)


def parse(text: str, file: str) -> Predictions:
    """Return the predictions of a file's text.

    Raises:
        ValueError: one ``file:line: field: what`` for each problem found.
    """
    found: dict[str, Prediction] = {}
    problems: list[str] = []
    first_at: dict[str, int] = {}
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
        if row.market in found:
            problems.append(
                f"{file}:{number}: market: predicted twice, first on line {first_at[row.market]}"
            )
            continue
        first_at[row.market] = number
        found[row.market] = Prediction(
            row.market, row.probability, row.confidence, row.robustness, row.tier, _ns(row.expiry)
        )
    if problems:
        more = len(problems) - _MOST_SHOWN
        tail = [f"... and {more} more"] if more > 0 else []
        raise ValueError("\n".join([*problems[:_MOST_SHOWN], *tail]))
    return Predictions(found)


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


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
