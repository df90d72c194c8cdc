"""A small market world that drives the markout plugin: the YES mid stands at 0.50 throughout."""

from __future__ import annotations

from typing import Any

from polyframe import Fill, Quote, QuoteLeg, ReportPeriod
from polyframe.model import FeeSchedule, MarketState
from polyframe.testing.builders import (
    NOW_NS,
    a_book,
    a_context,
    a_cycle,
    a_fill,
    a_market,
    a_plugin,
    a_portfolio,
    a_spec,
)
from polyframe_markout import Markout

S = 1_000_000_000
HOUR_S = 3600.0


class World:
    """One plugin, its clock in seconds, and fills that are worth what the test says."""

    def __init__(self, *, store: dict[str, Any] | None = None, **settings: Any) -> None:
        self.settings = settings
        self.plugin = a_plugin(Markout, a_context(store={} if store is None else store), **settings)
        self.now_s = 0.0
        self.fills = 0
        self.categories: dict[str, str] = {}
        self.market_events: dict[str, str] = {}
        self.fees = FeeSchedule()

    @property
    def now_ns(self) -> int:
        return NOW_NS + round(self.now_s * S)

    def market(self, market_id: str = "0xm1", **changes: Any) -> Any:
        category = self.categories.get(market_id, "politics")
        event_id = self.market_events.get(market_id, f"event-of-{market_id}")
        spec = a_spec(market_id, fees=self.fees, category=category, market_event_id=event_id)
        return a_market(spec=spec, **{"book": a_book(4900, 5100), "book_age_s": 0.0, **changes})

    def fill(self, cents: float, market_id: str = "0xm1", **more: Any) -> Fill:
        """A fill worth ``cents`` a share as long as the mid stays."""
        self.fills += 1
        fields = {
            "ts_ns": self.now_ns,
            "market_id": market_id,
            "price_e4": 5000 - round(cents * 100),
            "size_e6": 10_000_000,
        }
        fill = a_fill(self.fills, **(fields | more))
        self.plugin.on_fill(fill, self.market(market_id), self.now_ns)
        return fill

    def wait(self, seconds: float, *markets: str) -> None:
        """Let time pass, then let the books of these markets change."""
        self.now_s += seconds
        for market_id in markets:
            self.plugin.on_book(self.market(market_id), self.now_ns)

    def cluster(self, cents: float, market_id: str = "0xm1", **more: Any) -> None:
        """One fill, measured at 30 s and 2 min; the next one is another cluster."""
        self.fill(cents, market_id, **more)
        self.wait(30, market_id)
        self.wait(90, market_id)
        self.wait(1)

    def clusters(self, count: int, cents: float, market_id: str = "0xm1", sd: float = 0.5) -> None:
        """Clusters around a mean, half of them ``sd`` above and half below."""
        for number in range(count):
            self.cluster(cents + (sd if number % 2 else -sd), market_id)

    def cycle(self, *market_ids: str) -> None:
        markets = [self.market(market_id) for market_id in market_ids]
        self.plugin.on_cycle_end(a_cycle(), a_portfolio(markets=markets), self.now_ns)

    def vetoes(self, market_id: str = "0xm1", component: str = "maker") -> list[Any]:
        quote = Quote(market_id, component=component)
        return list(self.plugin.pre_quote_veto(quote, self.market(market_id), self.now_ns) or ())

    def codes(self, market_id: str = "0xm1") -> list[str]:
        return [veto.code for veto in self.vetoes(market_id)]

    def shape(self, market_id: str = "0xm1", shares: int = 100, **market: Any) -> Quote | None:
        size_e6 = shares * 1_000_000
        quote = Quote(market_id, 0.5, QuoteLeg(4800, size_e6), QuoteLeg(5200, size_e6))
        return self.plugin.shape_quote(quote, self.market(market_id, **market), self.now_ns)

    def report(self) -> Any:
        period = ReportPeriod(day="d", start_ns=NOW_NS, end_ns=self.now_ns, facts={})
        return self.plugin.report_section(period)

    def decision(self, market_id: str = "0xm1") -> str:
        return self.report()["markets"][market_id]["decision"]

    def resolve(self, market_id: str, bid_e4: int | None, ask_e4: int | None) -> None:
        market = self.market(market_id, book=a_book(bid_e4, ask_e4), state=MarketState.RESOLVED)
        self.plugin.on_cycle_end(a_cycle(), a_portfolio(markets=[market]), self.now_ns)
