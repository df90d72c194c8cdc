"""A bench for the paper venue: one market, times in milliseconds, sizes in shares."""

from __future__ import annotations

import pytest

from polyframe.commands import CancelOrder, PlaceOrder
from polyframe.events import (
    BookSnapshot,
    LevelChange,
    MarketsFetched,
    OrderAccepted,
    OrderFilled,
    OrderRejected,
    PriceChange,
    Side,
    TradePrint,
)
from polyframe.model import FeeSchedule, MarketSpec, RewardTerms
from polyframe.money import usd_e12
from polyframe.runtime.paper import PaperVenue
from polyframe.settings import LatencySettings, PaperSettings

T0_NS = 1_780_315_200_000_000_000  # 2026-06-01 12:00 UTC


def make_spec(market_id="m", **changes):
    values = dict(
        market_id=market_id, question="?", rules="", resolution_source="", slug=market_id,
        outcomes=("Yes", "No"), token_ids=(f"{market_id}-yes", f"{market_id}-no"),
        tick_e4=100, min_size_e6=5_000_000,
        fees=FeeSchedule(rate=0.05, rebate_share=0.25), rewards=RewardTerms(),
        neg_risk=False, neg_risk_augmented=False, market_event_id="", market_event_title="",
        group_item_title="", category="", tags=(), end_ns=None, game_start_ns=None,
        accepting_orders=True, closed=False, uma_statuses=(), liveness_s=None,
        volume_24h_usd=0.0, liquidity_usd=0.0, seconds_delay=0.0,
    )  # fmt: skip
    return MarketSpec(**(values | changes))


class Bench:
    """Drives a venue as the engine's shell does: advance, then observe or submit."""

    T0_NS = T0_NS
    make_spec = staticmethod(make_spec)

    def __init__(
        self, *, entry_s=0.1, cancel_s=0.1, spread=1.0, participation=1.0, bankroll=100_000,
        seed=1, mirrored=False, scale=1, spec=None, **settings,
    ):  # fmt: skip
        self.spec = spec or make_spec()
        self.yes, self.no = self.spec.token_ids
        self.mirrored = mirrored
        self.scale = scale
        self.events = []
        self.venue = PaperVenue(
            PaperSettings(
                entry=LatencySettings(p50_s=entry_s, p99_s=entry_s * spread),
                cancel=LatencySettings(p50_s=cancel_s, p99_s=cancel_s * spread),
                participation=participation,
                **settings,
            ),
            seed,
            usd_e12(bankroll),
        )
        self.see(MarketsFetched(T0_NS, (self.spec,)))

    def see(self, event):
        """Observe one event, whatever is due before it first; return what came of both."""
        new = self.venue.advance(event.ts_ns) + self.venue.observe(event)
        self.events += new
        return new

    def to(self, ms):
        new = self.venue.advance(T0_NS + round(ms * 1_000_000))
        self.events += new
        return new

    def book(self, ms, bids, asks):
        token, bids, asks = self._levels(bids, asks)
        return self.see(
            BookSnapshot(self._ns(ms), self._ms(ms), self.spec.market_id, token, bids, asks)
        )

    def _levels(self, bids, asks):
        bids = tuple((p * 100, s * self.scale) for p, s in bids)
        asks = tuple((p * 100, s * self.scale) for p, s in asks)
        if not self.mirrored:
            return self.yes, bids, asks
        return (
            self.no,
            tuple((10_000 - p, s) for p, s in asks),
            tuple((10_000 - p, s) for p, s in bids),
        )

    def level(self, ms, is_bid, cents, size):
        """Set a YES-space level (told on the NO token when mirrored)."""
        token, price = self.yes, cents * 100
        if self.mirrored:
            token, price, is_bid = self.no, 10_000 - price, not is_bid
        change = LevelChange(token, is_bid, price, float(size * self.scale))
        return self.see(PriceChange(self._ns(ms), self._ms(ms), self.spec.market_id, (change,)))

    def print(self, ms, cents, size, side="SELL", tx="", venue_ms=None):
        """A trade at a YES price."""
        token, price = self.yes, cents * 100
        if self.mirrored:
            token, price, side = self.no, 10_000 - price, "BUY" if side == "SELL" else "SELL"
        event = TradePrint(
            ts_ns=self._ns(ms),
            venue_ms=self._ms(ms) if venue_ms is None else venue_ms,
            market_id=self.spec.market_id,
            token_id=token,
            price_e4=price,
            size_e6=round(size * self.scale * 1_000_000),
            taker_side=Side(side),
            transaction_hash=tx,
        )
        return self.see(event)

    def endow(self, shares):
        """Give every profile both tokens at 0.50, so that it can sell either."""
        for ledger in self.venue._executions.ledgers:
            for is_yes in (True, False):
                ledger.account.trade(self.spec.market_id, is_yes, True, 5_000, shares * 1_000_000)

    def volume(self, ms, size=1e9):
        """Background volume at a price that meets nobody, so that R14 does not bind."""
        self.print(ms, 99, size, "BUY", tx="background")

    def order(self, order_id, side, cents, size, /, *, expires_ns=None, **changes):
        """An order at a YES price; to offer YES is to buy NO, so that cash suffices.

        When mirrored, the same order on the other token: to bid YES is then to sell NO.
        """
        token, price = self.yes, round(cents * 100)
        if (side == "SELL") != self.mirrored:
            token, price = self.no, 10_000 - price
        side = "SELL" if self.mirrored else "BUY"
        values = dict(
            order_id=order_id, market_id=self.spec.market_id, token_id=token, side=Side(side),
            price_e4=price, size_e6=round(size * self.scale * 1_000_000),
            expires_ns=expires_ns, post_only=True, component="maker", decision_id=1,
        )  # fmt: skip
        return PlaceOrder(**(values | changes))

    def place(self, ms, order_id, side, cents, size, /, **changes):
        self.venue.submit([self.order(order_id, side, cents, size, **changes)], self._ns(ms))

    def cancel(self, ms, order_id):
        self.venue.submit([CancelOrder(order_id, "test")], self._ns(ms))

    def filled(self, profile="base", order_id=None):
        """Filled shares (micro-shares when asked for one order or all)."""
        return sum(
            f.size_e6
            for f in self.venue.fills(profile)
            if order_id is None or f.order_id == order_id
        )

    def of(self, kind):
        return [e for e in self.events if isinstance(e, kind)]

    def codes(self):
        return [e.code for e in self.of(OrderRejected)]

    def accepted(self):
        return [e.order_id for e in self.of(OrderAccepted)]

    def fill_sizes(self):
        return [e.size_e6 / 1e6 for e in self.of(OrderFilled)]

    @staticmethod
    def _ns(ms):
        return T0_NS + round(ms * 1_000_000)

    def _ms(self, ms):
        return self._ns(ms) // 1_000_000


@pytest.fixture(scope="session")
def make_bench():
    """The bench's class: Hypothesis tests build one per example."""
    return Bench
