"""The part of the tour with values that are ordinary, and yet not what one thinks of first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from polyframe.model import (
    BookSide,
    Decision,
    PluginReading,
    PluginShape,
    PluginVeto,
    Quote,
    QuoteLeg,
    Reading,
    TradeLeg,
    Veto,
)
from polyframe.testing.builders import a_decision, a_health
from polyframe.testing.scenario import Scenario
from polyframe.testing.views import FakeMarket

_SIZE_E6 = 50_000_000


def ordinary_values(world: Scenario, clock: float) -> float:
    """Add them at ``clock`` and return when they are over."""
    _fills(world, clock)
    _books(world, clock + 20)
    _trades(world, clock + 30)
    market = world.moments[-1].market("0xm1")
    world.cycle(
        at_s=clock + 40,
        decisions=list(_every_outcome(market, world.moments[-1].now_ns)),
        health=a_health(
            messages={"book": 900, "price_change": 12_000},
            tokens=8,
            tokens_with_book=7,
            fresh_10s=5,
            fresh_60s=6,
            median_age_s=0.8,
            max_age_s=412.0,
            stalest=(("0xm3-yes", 412.0),),
            reconnects=2,
            parse_errors=1,
            books_checked=40,
            books_mismatched=1,
        ),
    )
    return clock + 45


def _fills(world: Scenario, clock: float) -> None:
    """Parts of one order, news that comes late, and thousands of shares on either side."""
    for part in (1, 2):
        world.fill("bid", "49c", shares=15, at_s=clock + part, order_id="o-in-parts")
    world.fill("bid", "49c", shares=5, at_s=clock + 3, late_s=40.0)
    large: tuple[tuple[BookSide, str, str], ...] = (
        ("bid", "20c", "19c x 900 | 21c x 900"),
        ("ask", "80c", "79c x 900 | 81c x 900"),
    )
    for side, price, shown in large:
        market = f"0xlarge-{side}"
        world.book(shown, at_s=clock + 4, market=market)
        world.fill(side, price, shares=5000, at_s=clock + 5, market=market)
        world.book(shown, at_s=clock + 6, market=market)
        clock += 2


def _books(world: Scenario, clock: float) -> None:
    """Markets without a change or with a leap, and a tick that grows."""
    shown = "49c x 800 | 51c x 700"
    for number, (churn, jump) in enumerate(((0.0, 0.0), (0.0, 0.6), (30.0, 0.2), (0.1, 0.0))):
        world.book(shown, at_s=clock + number, updates_per_s=churn, jump_1h=jump)
    world.book("0.401 x 500 | 0.419 x 500", at_s=clock + 4, market="0xcoarser", tick_e4=10)
    world.fill("bid", "0.401", shares=30, at_s=clock + 5, market="0xcoarser")
    world.book("40c x 500 | 42c x 500", at_s=clock + 6, market="0xcoarser", tick_e4=100)


def _trades(world: Scenario, clock: float) -> None:
    """Trades whose other legs have still to leave."""
    legs = (
        TradeLeg("0xm1", True, True, 5100, _SIZE_E6),
        TradeLeg("0xm2", False, True, 7000, _SIZE_E6),
        TradeLeg("0xm3", True, False, 7000, 10_000_000),
    )
    world.under_way({"arb": legs, "satellite": legs[:1]}, at_s=clock)
    world.book("49c x 700 | 51c x 700", at_s=clock + 1)
    world.under_way({}, at_s=clock + 2)
    world.book("49c x 800 | 51c x 700", at_s=clock + 3)


def _every_outcome(market: FakeMarket, ts_ns: int) -> Iterator[Decision]:
    """Yield a decision of each outcome, with all that may stand in one."""
    legs = QuoteLeg(4800, _SIZE_E6), QuoteLeg(5200, _SIZE_E6)
    quote = Quote(market.market_id, 0.5, *legs, "other", (("edge_c", 1.5),))
    empty = Quote(market.market_id)
    taken = TradeLeg(market.market_id, True, True, 5100, _SIZE_E6).as_quote("taker")
    left = TradeLeg(market.market_id, True, False, 4900, _SIZE_E6).as_quote("arb")
    vetoes = (
        PluginVeto("runtime", Veto("runtime.stale", None, 9.0, 5.0)),
        PluginVeto("other", Veto("other.bid", "bid")),
    )
    shapes = (PluginShape("other", QuoteLeg(4700, _SIZE_E6), None),)
    readings = (PluginReading("other", Reading("spread_c", 2.0, 1.0)),)
    outcomes: dict[str, tuple[Quote, dict[str, Any]]] = {
        "quoted": (quote, {"shapes": shapes, "readings": readings, "commands": ("place bid",)}),
        "unchanged": (quote, {}),
        "deferred": (quote, {"readings": readings}),
        "pulled": (quote, {"target": empty, "commands": ("cancel bid",)}),
        "vetoed": (quote, {"vetoes": vetoes, "target": empty, "readings": readings}),
        "no_proposal": (empty, {"vetoes": vetoes[:1]}),
        "taking": (taken, {"trigger": "trade", "commands": ("place",)}),
        "unwinding": (left, {"trigger": "trade", "best_ask_e4": None, "book_age_s": None}),
    }
    for number, (outcome, (proposal, changes)) in enumerate(outcomes.items()):
        common: dict[str, Any] = {"proposed_by": "other", "asked": ("other",), "since_ns": ts_ns}
        yield a_decision(
            market,
            decision_id=500 + number,
            ts_ns=ts_ns,
            proposal=proposal,
            outcome=outcome,
            **{**common, **changes},
        )
