"""A pair taken at the embedded exchange: stopped between its legs; bought by dollars."""

from __future__ import annotations

import anyio
import pytest

import watched_run
from exchange_side import exchange_of
from polyframe import Trade, TradeLeg, hookimpl
from polyframe.hazards import Hazard
from triggers import changed
from watched_run import Tripwire, trading

OFTEN = changed(("tracing:", "production: {reconcile_s: 5}\ntracing:"))


class PairTaker(Tripwire):
    """Takes one pair in one market, and has somebody told when the first leg is filled."""

    told = None
    beyond_e4 = 500

    @hookimpl
    def propose_trades(self, markets):
        for market in markets:
            book = market.book
            ask_e4, bid_e4, tick_e4 = book.best_ask_e4, book.best_bid_e4, market.tick_e4
            if PairTaker.told is None or ask_e4 is None or bid_e4 is None or market.orders:
                continue
            if not (2000 < bid_e4 < ask_e4 < 8000) or market.spec.seconds_delay:
                continue
            size_e6 = max(market.min_size_e6, 5_000_000)
            beyond_e4 = PairTaker.beyond_e4 // tick_e4 * tick_e4
            limits = ask_e4 + beyond_e4, 10_000 - bid_e4 + beyond_e4
            return [
                Trade(
                    "arb",
                    tuple(
                        TradeLeg(market.market_id, is_yes, True, limit_e4, size_e6)
                        for is_yes, limit_e4 in zip((True, False), limits, strict=True)
                    ),
                    within_s=30.0,
                )
            ]
        return []

    @hookimpl
    def on_fill(self, fill):
        if fill.component == "arb" and PairTaker.told is not None:
            told, PairTaker.told = PairTaker.told, None
            told()


@pytest.fixture
def taking(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(watched_run, "Tripwire", PairTaker)
    PairTaker.told = None
    return tmp_path


def test_a_stop_after_the_first_leg_lets_the_second_leave(taking) -> None:
    async def whole() -> None:
        async with (
            exchange_of(2.0) as exchange,
            trading(taking, exchange, orders=0) as run,
        ):
            PairTaker.told = run.ended.set  # as SIGTERM does
            await run.until(run.finished.is_set, "the stop", 60)
            assert run.error is None
            parts = run.engine.portfolio.attribution()
            (pair,) = [part for _, component, part in parts if component == "arb"]
            assert (pair.net_yes_e6, pair.fills >= 2) == (0, True)
            assert not [one for one in run.engine.warnings if "between its legs" in one]
            assert run.said("Book verified empty")
            assert run.engine.desk.completed == 1

    anyio.run(whole)


def test_a_surplus_is_counted_and_unwound_and_no_difference(taking, monkeypatch) -> None:
    # Limits far beyond the touch: so many dollars buy far more shares.
    monkeypatch.setattr(PairTaker, "beyond_e4", 1_500)

    async def whole() -> None:
        async with (
            exchange_of(4.0, binds_dollars=True) as exchange,
            trading(taking, exchange, text=OFTEN, orders=0) as run,
        ):
            began = anyio.Event()
            PairTaker.told = began.set
            await began.wait()
            engine = run.engine
            await run.until(lambda: not engine.desk.busy, "both legs")
            arb = [o for o in engine.orders._by_id.values() if o.component == "arb"]
            assert arb[0].filled_e6 > arb[0].size_e6
            assert all(order.reserved_e12 == 0 for order in arb)
            compared = len(run.said("Reconciled"))
            await run.until(lambda: len(run.said("Reconciled")) >= compared + 3, "compared")
            assert not run.said("Difference")
            assert Hazard.DIFFERENCES not in run.standing()
            (market_id,) = {order.market_id for order in arb}
            left_e6 = engine.portfolio.component_net_e6(market_id, "arb")
            assert abs(left_e6) < engine.markets.find(market_id).min_size_e6
            assert engine.orders.reserved_e12 >= 0
            result = await run.stop()
            assert not result["left_unproved"]
            assert engine.portfolio.attribution_error_e12 == 0

    anyio.run(whole)
