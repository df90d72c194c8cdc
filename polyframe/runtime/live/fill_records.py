"""Every fill of the account that may still change: told any number of times, counted once; pure.

A fill is booked when it is first heard of, unless that word is FAILED, and taken back when its
settlement fails (quant.md B3, I13). CONFIRMED and FAILED are final, so what comes after them is
late; only when the venue says the one after the other does the last word win, and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from polyframe.events import Side
from polyframe.model import FeeSchedule
from polyframe.money import taker_fee_e12
from polyframe.polymarket.account_words import TradeStatus, VenueFill
from polyframe.runtime.live.bookings import moves_of
from polyframe.runtime.live.rows import FINAL, FillRow

FillIdentity = tuple[str, str, int]
# Trades of these have promised tokens and cash and not moved them (venue.md 3.4).
_UNDELIVERED = frozenset({TradeStatus.MATCHED, TradeStatus.RETRYING})


class FillRecords:
    """The fills, by identity.

    Args:
        rows: those known so far.
        fees: a market's fee schedule; None for a market nobody knows.
    """

    def __init__(self, rows: Iterable[FillRow], fees: Callable[[str], FeeSchedule | None]) -> None:
        self._fees = fees
        self._fills: dict[FillIdentity, FillRow] = {}
        # Of one taker order in one trade at one price: what was taken, and the fee on it so far.
        self._taken: dict[tuple[str, str, int], tuple[int, int]] = {}
        self._moving: dict[FillIdentity, FillRow] = {}
        self._of_order: dict[str, list[FillIdentity]] = {}
        self.repeats = 0
        self.late = 0
        self.differing = 0
        self.without_fee_schedule = 0
        self.contradicted: dict[FillIdentity, FillRow] = {}
        for row in rows:
            self._keep(row, is_new=True)
            if not row.is_maker:
                self._take(row, row.fee_e12)

    def __iter__(self) -> Iterator[FillRow]:
        return iter(self._fills.values())

    def find(self, identity: FillIdentity) -> FillRow | None:
        """Return a fill."""
        return self._fills.get(identity)

    def of_order(self, venue_id: str) -> list[FillRow]:
        """Return an order's fills, as they were heard of."""
        return [self._fills[at] for at in self._of_order.get(venue_id, ())]

    def has_unsettled(self, venue_id: str) -> bool:
        """Whether the settlement of one of an order's fills has not ended."""
        return any(not fill.is_final for fill in self.of_order(venue_id))

    def has_changed(self, venue_id: str, since_ns: int) -> bool:
        """Whether one of an order's fills is not settled, or was not by then."""
        return any(
            not fill.is_final or fill.status_ns >= since_ns for fill in self.of_order(venue_id)
        )

    def moving(self, settled_before_ns: int) -> list[FillRow]:
        """Return the fills whose settlement had not ended by then, or whose end we had not heard.

        What ended before is left out for good: ``settled_before_ns`` does not go back.
        """
        done = [
            at
            for at, row in self._moving.items()
            if row.is_final and row.status_ns < settled_before_ns
        ]
        for at in done:
            del self._moving[at]
        return list(self._moving.values())

    def unsettled(self) -> list[FillRow]:
        """Return the fills whose settlement has not ended."""
        return [row for row in self._moving.values() if not row.is_final]

    def undelivered_e6(self, market_id: str) -> dict[str, int]:
        """Return what is booked as bought of a market's tokens and not moved to us yet."""
        found: dict[str, int] = {}
        for row in self.unsettled():
            is_coming = row.is_booked and row.side is Side.BUY and row.status in _UNDELIVERED
            if is_coming and row.market_id == market_id:
                found[row.token_id] = found.get(row.token_id, 0) + row.size_e6
        return found

    def unsettled_proceeds_e12(self) -> int:
        """Return what is booked as sales' proceeds, less fees, and not moved to us yet."""
        return sum(
            moves_of(row)[0]
            for row in self.unsettled()
            if row.is_booked and row.side is Side.SELL and row.status in _UNDELIVERED
        )

    def drop(self, venue_id: str) -> None:
        """Forget an order's fills; they must be final."""
        for at in self._of_order.pop(venue_id, ()):
            row = self._fills.pop(at)
            self._moving.pop(at, None)
            self._taken.pop((row.trade_id, row.venue_id, row.price_e4), None)

    # --- hearing -------------------------------------------------------------------------

    def hear(self, fill: VenueFill, order_id: str, now_ns: int) -> FillRow | None:
        """Take a word of a fill in; return the row it changed, None when it changed nothing.

        The returned row's ``turns`` are still those before it: whoever books it turns it
        (:meth:`turn`) when :func:`asks_to_turn`.
        """
        known = self._fills.get(fill.key)
        if known is None:
            row = self._new_row(fill, order_id, now_ns)
            self._keep(row, is_new=True)
            return row
        if (known.price_e4, known.size_e6, known.side) != (fill.price_e4, fill.size_e6, fill.side):
            self.differing += 1
        if known.status is fill.status:
            self.repeats += 1
            return None
        if known.is_final and fill.status in FINAL:
            row = self._with_status(known, fill.status, now_ns)
            self.contradicted[fill.key] = row
            return row
        if known.is_final or fill.status is TradeStatus.MATCHED:
            self.late += 1
            return None
        return self._with_status(known, fill.status, now_ns)

    def turn(self, row: FillRow) -> FillRow:
        """Count a booking, or its taking back."""
        turned = replace(row, turns=row.turns + 1)
        self._keep(turned, is_new=False)
        return turned

    def _with_status(self, known: FillRow, status: TradeStatus, now_ns: int) -> FillRow:
        row = replace(known, status=status, status_ns=now_ns)
        self._keep(row, is_new=False)
        return row

    def _keep(self, row: FillRow, *, is_new: bool) -> None:
        at = row.identity
        self._fills[at] = row
        self._moving[at] = row
        if is_new:
            self._of_order.setdefault(row.venue_id, []).append(at)
        if row.turns > 2:
            self.contradicted[at] = row

    def _new_row(self, fill: VenueFill, order_id: str, now_ns: int) -> FillRow:
        row = FillRow(
            trade_id=fill.trade_id, venue_id=fill.order_id, leg=fill.leg, order_id=order_id,
            market_id=fill.market_id, token_id=fill.token_id, side=fill.side,
            price_e4=fill.price_e4, size_e6=fill.size_e6, fee_e12=0, is_maker=fill.is_maker,
            status=fill.status, match_time_s=fill.match_time_s, ts_ns=now_ns, status_ns=now_ns,
        )  # fmt: skip
        return row if row.is_maker else replace(row, fee_e12=self._fee_e12(row))

    def _fee_e12(self, row: FillRow) -> int:
        """Return a taker leg's part of its trade's fee; makers pay none (venue.md 5.1).

        The venue rounds the fee of a trade, not of a leg, so the legs at one price share the
        fee of their sum, in whatever order they are heard of.
        """
        fees = self._fees(row.market_id)
        if fees is None:
            self.without_fee_schedule += 1
            return 0
        size_e6, paid_e12 = self._taken.get((row.trade_id, row.venue_id, row.price_e4), (0, 0))
        whole_e12 = taker_fee_e12(row.price_e4, size_e6 + row.size_e6, fees.rate, fees.exponent)
        self._take(row, whole_e12 - paid_e12)
        return whole_e12 - paid_e12

    def _take(self, row: FillRow, fee_e12: int) -> None:
        at = row.trade_id, row.venue_id, row.price_e4
        size_e6, paid_e12 = self._taken.get(at, (0, 0))
        self._taken[at] = size_e6 + row.size_e6, paid_e12 + fee_e12


def asks_to_turn(row: FillRow) -> bool:
    """Whether a fill's status and what is booked of it disagree."""
    if row.status is TradeStatus.FAILED:
        return row.is_booked
    return not row.is_booked
