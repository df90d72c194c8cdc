"""A pair taken at the embedded exchange: stopped between its legs; bought by dollars."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing

import anyio
import pytest

import watched_run
from exchange_side import exchange_of
from polyframe import Trade, TradeLeg, Veto, hookimpl
from polyframe.hazards import Hazard
from polyframe.runtime.plugins import configs_of
from polyframe.runtime.replay import Replay
from polyframe.runtime.tape import TapeReader
from polyframe.strategy import strategy_from_resolved
from triggers import changed
from watched_run import Tripwire, trading

OFTEN = changed(("tracing:", "production: {reconcile_s: 5}\ntracing:"))


class PairTaker(Tripwire):
    """Takes one pair in one market, and has somebody told when the first leg is filled."""

    told = None
    market_id = ""
    beyond_e4 = 500
    refuses = False

    @hookimpl
    def propose_trades(self, markets):
        for market in markets:
            book = market.book
            ask_e4, bid_e4, tick_e4 = book.best_ask_e4, book.best_bid_e4, market.tick_e4
            if PairTaker.told is None or ask_e4 is None or bid_e4 is None or market.orders:
                continue
            if not (2000 < bid_e4 < ask_e4 < 8000) or market.spec.seconds_delay:
                continue
            if market.market_id != (PairTaker.market_id or market.market_id):
                continue
            PairTaker.market_id = market.market_id
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

    @hookimpl
    def pre_quote_veto(self, quote):
        """Refuse the other leg, where it is told to: the first one has to be undone."""
        if PairTaker.refuses and PairTaker.told is None and quote.component == "arb":
            return [Veto("tripwire.no")]
        return None


@pytest.fixture
def taking(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(watched_run, "Tripwire", PairTaker)
    PairTaker.told, PairTaker.refuses, PairTaker.market_id = None, False, ""
    return tmp_path


async def see_it_named(folder, exchange):
    """Begin once more: what the earlier run holds alone is in the log and among the warnings."""
    async with trading(folder, exchange, orders=0) as later:
        await later.until(lambda: bool(later.said("Held alone")), "the word of it")
        told = [one for one in later.engine.warnings if "earlier run" in one]
        assert told
        assert all(one.startswith("arb holds ") for one in told)
        await later.stop()


def replay_of(folder):
    """Return what differs when the one run in a folder is replayed, and its counts."""
    (run,) = (folder / "runs").iterdir()
    reader = TapeReader(run)
    _, classes = watched_run.strategy_of(folder)
    classes = {one["name"]: classes[one["name"]] for one in reader.head.strategy["plugins"]}
    head = reader.head
    strategy = strategy_from_resolved(head.strategy, configs_of(classes), head.profile)
    PairTaker.told = lambda: None
    replay = Replay(reader, strategy.settings, classes, strategy.plugins)
    return list(replay.differences()), replay.result()


def arb_orders(run):
    return [one for one in run.engine.orders._by_id.values() if one.component == "arb"]


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
            (asked,), (stopping,) = run.said("Stop asked"), run.said("Run stopping")
            assert asked.fields["trades"] == 1
            assert stopping.ts_ns - asked.ts_ns < 15e9
            assert all(one.filled_e6 for one in arb_orders(run))

    anyio.run(whole)
    differences, result = replay_of(taking)
    assert (differences, result.is_whole) == ([], True)
    assert result.decisions > 2


def test_a_leg_that_is_refused_during_the_stop_is_undone_before_the_sweep(taking) -> None:
    PairTaker.refuses = True

    async def whole() -> None:
        async with (
            exchange_of(2.0) as exchange,
            trading(taking, exchange, orders=0) as run,
        ):
            PairTaker.told = run.ended.set
            await run.until(run.finished.is_set, "the stop", 60)
            assert run.error is None
            bought, *sold = arb_orders(run)
            assert bought.is_buy
            assert sum(one.filled_e6 for one in sold if not one.is_buy) == bought.filled_e6
            assert not run.said("Held alone")
            assert run.said("Book verified empty")

    anyio.run(whole)
    differences, result = replay_of(taking)
    assert (differences, result.is_whole) == ([], True)


def test_a_second_interrupt_waits_no_longer_and_says_what_is_held_alone(taking) -> None:
    PairTaker.refuses = True

    async def whole() -> None:
        async with (
            exchange_of(1.0) as exchange,
            trading(taking, exchange, orders=0) as run,
        ):
            PairTaker.told = lambda: os.kill(os.getpid(), signal.SIGINT)
            await run.until(lambda: bool(run.said("Stop asked")), "the stop")
            os.kill(os.getpid(), signal.SIGINT)
            await run.finished.wait()
            (said,) = run.said("Held alone")
            assert str(said.fields["what"]).startswith("arb holds ")
            assert run.engine.warnings[-1].startswith("a trade was stopped between its legs")
            assert not run.said("Run stopping")

    anyio.run(whole)


def test_a_kill_between_the_legs_sends_nothing_and_is_said_then_and_at_the_next_start(
    taking,
) -> None:
    PairTaker.refuses = True

    async def whole() -> None:
        async with exchange_of(1.0) as exchange:
            async with trading(taking, exchange, orders=0) as run:
                PairTaker.told = lambda: run.folder.kill("tested", "a test")
                await run.until(lambda: bool(run.said("Held alone")), "the word of it")
                (said,) = run.said("Held alone")
                assert said.fields["until"] == "kill_switch"
                (bought,) = arb_orders(run)
                await run.pass_s(8)  # what it bought is mined: it could be sold
                await run.stop()
                assert arb_orders(run) == [bought]
                assert len(run.said("Held alone")) == 2
                halted, stopped = run.engine.warnings[-2:]
                assert halted.startswith("nothing leaves while kill_switch stands: arb holds")
                assert stopped.startswith("a trade was stopped between its legs: arb holds")
                (asked,), (stopping,) = run.said("Stop asked"), run.said("Run stopping")
                assert stopping.ts_ns - asked.ts_ns < 1e9
            run.folder.resume()
            await see_it_named(taking, exchange)

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
            arb = arb_orders(run)
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


def test_a_crash_before_the_first_legs_answer_is_said_at_the_next_start(taking) -> None:
    PairTaker.refuses = True
    image = taking / "image.sqlite"

    async def whole() -> None:
        async with exchange_of(1.0) as exchange:
            registry = exchange.private.desk.registry
            add = registry.add

            def keep_image(order):
                """What a crash would leave: the leg has arrived, and nobody has heard so."""
                if order.request.order_type == "FAK" and not image.exists():
                    place = run.folder.store_path
                    with (
                        closing(sqlite3.connect(place)) as old,
                        closing(sqlite3.connect(image)) as new,
                    ):
                        old.backup(new)
                add(order)

            async with trading(taking, exchange, orders=0) as run:
                PairTaker.told = lambda: run.folder.kill("tested", "a test")
                registry.add = keep_image
                await run.until(lambda: bool(run.said("Held alone")), "the word of it")
                await run.stop()
            place = run.folder.store_path
            for end in ("", "-wal", "-shm"):
                place.with_name(place.name + end).unlink(missing_ok=True)
            image.rename(place)
            place.chmod(0o600)
            run.folder.resume()
            with closing(sqlite3.connect(place)) as store:
                assert store.execute("SELECT count(*) FROM fills").fetchone() == (0,)
            await see_it_named(taking, exchange)

    anyio.run(whole)
