"""What became of an order in one reading: real, or one paper profile in one of the two views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from polyframe.validation.public_view import PublicMarket
from polyframe.validation.scripted_maker import ShadowOrder

HORIZONS_S = (30, 120)
REAL = "real"


class CommandTimes(msgspec.Struct, frozen=True, gc=False):
    """When an order's commands were sent and are due, by the latencies both sides share."""

    arrives_ns: int
    cancel_sent_ns: int
    cancelled_ns: int


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """One order's life in one reading.

    ``effective_ns`` is when it began to rest, None when it was refused; ``ended_ns`` when it was
    gone, by its last fill or by its cancel; ``is_removed`` says that the venue took it off.
    ``fills`` are ``(ns, micro-shares)``. ``markouts`` has per horizon one ``(cents a share,
    shares)`` for every fill whose mid is known: side x (mid then - the price that was booked),
    positive is good for us (quant.md A3.1). ``exceeds_prints`` says that in one of its instants
    our orders of the market were given more than was printed in it.
    """

    effective_ns: int | None
    ended_ns: int | None
    times: CommandTimes
    fills: tuple[tuple[int, int], ...] = ()
    markouts: tuple[tuple[tuple[float, float], ...], ...] = ((), ())
    is_removed: bool = False
    exceeds_prints: bool = False

    @property
    def filled_e6(self) -> int:
        """Shares filled, in micro-shares."""
        return sum(size for _, size in self.fills)

    @property
    def is_filled(self) -> bool:
        """Whether anything of it was filled."""
        return bool(self.fills)

    def earned_usd(self, horizon: int) -> float:
        """Return what its fills were worth by a horizon (index into HORIZONS_S), in dollars."""
        return sum(cents * shares for cents, shares in self.markouts[horizon]) / 100.0

    @property
    def wait(self) -> tuple[float, bool] | None:
        """``(seconds, is_filled)`` to the first fill or to the end; None when it was refused."""
        if self.effective_ns is None:
            return None
        if self.fills:
            return (self.fills[0][0] - self.effective_ns) / 1e9, True
        assert self.ended_ns is not None
        return (self.ended_ns - self.effective_ns) / 1e9, False


class Compared(msgspec.Struct, frozen=True):
    """An order and its outcome in every reading."""

    order: ShadowOrder
    outcomes: Mapping[str, Outcome]


class Fill(msgspec.Struct, frozen=True, gc=False):
    """A fill as it was booked; ``yes_price_e4`` is the price paid or got, in YES space."""

    ts_ns: int
    size_e6: int
    yes_price_e4: int


def outcome_of(
    order: ShadowOrder,
    market: PublicMarket,
    times: CommandTimes,
    effective_ns: int | None,
    ended_ns: int | None,
    fills: Iterable[Fill],
    *,
    is_removed: bool = False,
    exceeds_prints: bool = False,
) -> Outcome:
    """Return an outcome with its markouts from the mid's path of the world it happened in."""
    kept = tuple(fills)
    sign = 1 if order.is_bid else -1
    markouts = []
    for horizon_s in HORIZONS_S:
        found = []
        for fill in kept:
            then_ns = fill.ts_ns + horizon_s * 10**9
            mid_e6 = market.mid_e6(then_ns)
            # Another grid or a payout in between: this is no mid of the same market (A3.1).
            is_same = market.is_open and not fill.ts_ns < market.tick_since_ns <= then_ns
            if mid_e6 is not None and is_same:
                cents = sign * (mid_e6 - fill.yes_price_e4 * 100) / 10_000
                found.append((cents, fill.size_e6 / 1e6))
        markouts.append(tuple(found))
    return Outcome(
        effective_ns,
        ended_ns,
        times,
        tuple((fill.ts_ns, fill.size_e6) for fill in kept),
        tuple(markouts),
        is_removed,
        exceeds_prints,
    )
