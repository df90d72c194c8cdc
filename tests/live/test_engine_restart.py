"""The matching engine restarts: what it turned away is in doubt, and no longer than needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from exchange_side import S_NS, exchange_of
from live_venue import venue_id
from live_words import LIVE, Teller, a_fill, a_word, an_order, names
from polyframe.hazards import Hazard
from polyframe.polymarket.account_words import Cancelled
from polyframe.runtime.live import ending
from watched_run import WatchedRun, trading

Scene = Callable[[WatchedRun], Awaitable[None]]
BACK = "already canceled or matched"


# --- what ends the doubt ------------------------------------------------------------------


@pytest.fixture
def told() -> Teller:
    return Teller()


def turned_away(told: Teller, number: int = 1):
    order = an_order(number, expires_ns=None)
    told.intend(order)
    assert names(told.placed(order, "unknown", "restarting")) == ["OrderUncertain"]
    return order


def ask_engine(told: Teller, *orders, **answer):
    refused = {venue_id(one.order_id): BACK for one in orders}
    cancelled = Cancelled(**{"refused": refused, **answer})
    return told.take(told.ledger.engine_asked(cancelled, told.now, told.now))


def read_all(told: Teller, *orders):
    return told.take(told.ledger.read_orders([a_word(one) for one in orders], told.now, told.now))


def to_cancel(told: Teller) -> tuple[str, ...]:
    return told.ledger.questions(told.now).turned_away


def test_an_engine_that_is_back_and_three_words_without_it_end_the_doubt(told):
    order = turned_away(told)
    assert to_cancel(told) == (venue_id(order.order_id),)
    told.wait(1)
    assert ask_engine(told, order) == []
    assert to_cancel(told) == ()
    told.wait(1)
    assert read_all(told) == []
    assert told.read(order, None) == []
    told.wait(3)
    assert told.read(order, None) == []
    told.wait(1)
    (event,) = told.read(order, None)
    assert (names([event]), event.code) == (["OrderRejected"], "never_arrived")
    assert "restarted" in event.message
    assert told.state(order) == "rejected"
    read_all(told, order)  # that can be wrong too, and is taken back by evidence
    assert told.state(order) == "live"


@pytest.mark.parametrize("left_out", ["engine", "list", "by id"])
def test_each_of_them_is_needed(told, left_out):
    order = turned_away(told)
    for _ in range(5):
        told.wait(10)
        if left_out != "engine":
            ask_engine(told, order)
        told.wait(10)
        if left_out != "list":
            read_all(told)
        if left_out != "by id":
            assert told.read(order, None) == []
    assert told.state(order) == "unknown"


def test_what_was_read_while_it_was_away_proves_nothing(told):
    order = turned_away(told)
    for _ in range(9):
        told.wait(10)
        read_all(told)
        told.read(order, None)
    told.wait(1)
    ask_engine(told, order)
    assert told.state(order) == "unknown"
    assert told.read(order, None) == []
    told.wait(6)
    assert told.read(order, None) == []  # no list since


@pytest.mark.parametrize(
    "answer",
    [
        {"is_known": False, "message": "restarting: the matching engine is restarting"},
        {"message": "auth: invalid api key"},
        {"is_known": False, "refused": {}},
    ],
)
def test_an_answer_that_is_not_the_engines_is_none(told, answer):
    order = turned_away(told)
    told.wait(1)
    assert ask_engine(told, order, **answer) == []
    assert to_cancel(told) == (venue_id(order.order_id),)


def test_it_had_got_in_after_all(told):
    first, second, third = (turned_away(told, number) for number in (1, 2, 3))
    told.wait(1)
    ask_engine(told, first, second)
    assert names(told.hear(a_word(first, LIVE))) == ["OrderAccepted"]
    assert names(told.hear(a_fill(second, 4))) == ["OrderAccepted", "OrderFilled"]
    ask_engine(told, gone=(venue_id(third.order_id),))
    told.wait(60)
    read_all(told)
    assert [told.state(one) for one in (first, second, third)] == ["live", "live", "ending"]
    assert to_cancel(told) == ()


def test_another_kind_of_silence_is_not_meant(told):
    order = an_order(expires_ns=None)
    told.intend(order)
    told.placed(order, "unknown")
    assert to_cancel(told) == ()
    told.wait(1)
    ask_engine(told, order)
    told.wait(1)
    read_all(told)
    told.read(order, None)
    told.wait(30)
    assert told.read(order, None) == []
    assert told.state(order) == "unknown"


# --- at the exchange ------------------------------------------------------------------------


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Play a scene with orders resting; nothing is given up before the 120 s of production."""
    monkeypatch.chdir(tmp_path)

    def played(scene: Scene, speed: float = 8.0) -> None:
        async def whole() -> None:
            async with exchange_of(speed) as exchange, trading(tmp_path, exchange) as run:
                await scene(run)

        anyio.run(whole)

    return played


def in_doubt(run: WatchedRun) -> set[str]:
    return {one.order_id for one in run.engine.orders.all_live() if one.is_unknown}


async def turn_some_away(run: WatchedRun, **fault) -> int:
    """Let the engine restart; return when it began."""
    run.sell_into(run.bids()[:4])  # so that there is something to quote anew
    began_ns = run.now_ns
    run.fault("engine_restart", post_only_s=120, **fault)
    await run.until(lambda: bool(in_doubt(run)), "orders are turned away", 30)
    return began_ns


@pytest.mark.parametrize("loses_orders", [False, True], ids=["books survive", "books are lost"])
def test_a_restart_leaves_doubts_for_seconds_and_quoting_goes_on(play, loses_orders):
    async def scene(run: WatchedRun) -> None:
        began_ns = await turn_some_away(run, restart_s=30, loses_orders=loses_orders)
        doubted = in_doubt(run)
        await run.until(lambda: run.now_ns >= began_ns + 29 * S_NS, "nearly over", 60)
        assert doubted <= in_doubt(run), "nothing proves anything before the engine is back"
        await run.until(lambda: not in_doubt(run), "no doubt is left", 60)
        assert run.now_ns < began_ns + 75 * S_NS
        await run.quoting(market_s=60)
        result = await run.stop()
        assert not result["left_unproved"]
        assert run.resting == 0

    play(scene)


def test_a_stop_during_a_restart_waits_for_its_proof(play, monkeypatch):
    monkeypatch.setattr(ending, "_PATIENCE_S", 3.0)

    async def scene(run: WatchedRun) -> None:
        began_ns = await turn_some_away(run, restart_s=60)
        await run.until(lambda: run.standing().get(Hazard.VENUE_MODE) == "hold", "held", 5)
        result = await run.stop()
        assert not result["left_unproved"]
        assert run.said("Book verified empty")
        assert run.resting == 0
        assert run.now_ns >= began_ns + 60 * S_NS

    play(scene)


def test_a_restart_without_end_is_not_waited_for_without_end(play, monkeypatch, capsys):
    monkeypatch.setattr(ending, "_PATIENCE_S", 1.0)
    monkeypatch.setattr(ending, "_RESTART_PATIENCE_S", 3.0)

    async def scene(run: WatchedRun) -> None:
        await turn_some_away(run, restart_s=3_600)
        result = await run.stop()
        assert result["left_unproved"]
        assert run.said("THE BOOK IS NOT PROVED EMPTY")

    play(scene)
