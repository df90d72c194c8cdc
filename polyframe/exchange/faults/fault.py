"""What every fault of a script says: when it is open, how often it strikes, and where.

Times are seconds of market time after the exchange's start (in a script) or after the fault
arrived (on the admin endpoint).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from polyframe.plugin import Config
from polyframe.plugin import setting as s

Group = Literal["socket", "message", "rest", "venue", "settlement"]

MOST_S = 30 * 86_400.0  # nothing is rehearsed for longer than a month
LEAST_PERIOD_S = 0.1  # openings are worked off one by one: without a floor they never end

Seconds = Annotated[float, msgspec.Meta(ge=0, le=MOST_S)]


class Fault(
    Config, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"
):  # every kind is a small class below it, named by its tag
    """A fault of one kind."""

    group: ClassVar[Group]

    at_s: Annotated[float, s("when it opens first", unit="s", ge=0, le=MOST_S)] = 0.0
    for_s: (
        Annotated[float, s("how long it stays open; null to the end", unit="s", gt=0, le=MOST_S)]
        | None
    ) = None
    every_s: (
        Annotated[
            float,
            s(
                "it opens again after this long; null never",
                unit="s",
                ge=LEAST_PERIOD_S,
                le=MOST_S,
            ),
        ]
        | None
    ) = None
    count: (
        Annotated[int, s("strikes at most; null without limit", unit="count", ge=1, le=10**9)]
        | None
    ) = None

    @property
    def kind(self) -> str:
        """The kind's name, as scripts write it."""
        return str(self.__struct_config__.tag)

    def flaw(self) -> str:
        """Return why it cannot happen though each setting is in bounds; empty if it can."""
        if self.every_s is not None and self.for_s is not None and self.for_s > self.every_s:
            return "for_s is longer than every_s; it would open while open"
        return ""

    def window(self, elapsed_ns: int) -> int | None:
        """Return which opening an instant lies in, counted from 0; None outside of all.

        Args:
            elapsed_ns: market time since the script's start.
        """
        since_ns = elapsed_ns - round(self.at_s * 1e9)
        if since_ns < 0:
            return None
        number = 0
        if self.every_s is not None:
            number, since_ns = divmod(since_ns, round(self.every_s * 1e9))
        if self.for_s is not None and since_ns >= round(self.for_s * 1e9):
            return None
        return number


class ChanceFault(Fault, frozen=True, kw_only=True):
    """A fault that meets messages, requests or trades, each with a probability."""

    share: Annotated[
        float, s("probability to strike what it could strike", unit="share", ge=0, le=1)
    ] = 1.0
