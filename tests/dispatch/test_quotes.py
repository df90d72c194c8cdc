"""What a policy may propose, and what a shape may make of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe import (
    Plugin,
    PluginVeto,
    Quote,
    QuoteLeg,
    Reading,
    Trade,
    TradeLeg,
    Veto,
    hookimpl,
)
from polyframe.model import PluginReading, PluginShape
from polyframe.runtime.answers import PLUGIN_ERROR, quote_fault, shape_fault
from polyframe.runtime.dispatch import Shaped
from polyframe.testing.builders import NOW_NS, a_market, a_portfolio, a_position

MARKET = a_market("0xm1")
LONG = a_market("0xm1", position=a_position(yes=100))
SHORT = a_market("0xm1", position=a_position(no=100))
PORTFOLIO = a_portfolio(markets=[MARKET])
BID, ASK = QuoteLeg(4800, 10_000_000), QuoteLeg(5200, 10_000_000)
QUOTE = Quote("0xm1", 0.5, BID, ASK, "maker", (("mid", 0.5),))
LEG = TradeLeg("0xm1", True, True, 4800, 10_000_000)


class Proposes(Plugin):
    answer: Any = None

    @hookimpl
    def propose_quote(self):
        return self.answer


def proposing(answer: Any) -> type:
    return type("Proposing", (Proposes,), {"answer": answer})


def shaping(answer: Any) -> type:
    class Shaping(Plugin):
        @hookimpl
        def shape_quote(self, quote):
            return answer(quote) if callable(answer) else answer

    return Shaping


def with_legs(bid: Any = BID, ask: Any = ASK) -> Quote:
    return msgspec.structs.replace(QUOTE, bid=bid, ask=ask)


class Lookalike(Quote, frozen=True):
    pass


# --- proposals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quote",
    [
        QUOTE,
        Quote("0xm1"),
        Quote("0xm1", None, BID),
        Quote("0xm1", 0.001, None, ASK),
        with_legs(QuoteLeg(1, 1), QuoteLeg(9999, 1)),
        with_legs(QuoteLeg(4999, 1), QuoteLeg(5000, 1)),
    ],
)
def test_a_sound_proposal_is_taken(dispatcher: Any, quote: Quote) -> None:
    calls = dispatcher(maker=proposing(quote), other=proposing(Quote("0xm1", 0.9)))
    assert calls.propose_quote(MARKET, PORTFOLIO, NOW_NS).quote == msgspec.structs.replace(
        quote, policy="maker"
    )
    assert not calls.problems


def test_a_policy_keeps_the_name_it_gives_itself(dispatcher: Any) -> None:
    calls = dispatcher(maker=proposing(msgspec.structs.replace(QUOTE, policy="maker/classic")))
    assert calls.propose_quote(MARKET, PORTFOLIO, NOW_NS).quote.policy == "maker/classic"


def test_none_leaves_it_to_the_next_policy(dispatcher: Any) -> None:
    calls = dispatcher(none=proposing(None), maker=proposing(QUOTE))
    assert calls.propose_quote(MARKET, PORTFOLIO, NOW_NS).quote == QUOTE


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("a quote", "not a Quote"),
        (Lookalike("0xm1"), "a Lookalike, not a Quote"),
        (Quote("0xm2"), "not the one asked about"),
        (with_legs(bid=QuoteLeg(4800.0, 1)), "two integers"),
        (with_legs(bid=QuoteLeg(True, 1)), "two integers"),
        (with_legs(ask=(5200, 1)), "two integers"),
        (with_legs(bid=QuoteLeg(0, 1)), "strictly between"),
        (with_legs(ask=QuoteLeg(10_000, 1)), "strictly between"),
        (with_legs(bid=QuoteLeg(-5, 1)), "strictly between"),
        (with_legs(bid=QuoteLeg(4800, 0)), "not positive"),
        (with_legs(ask=QuoteLeg(5200, -1)), "not positive"),
        (with_legs(bid=QuoteLeg(5200, 1)), "not below ask"),
        (with_legs(bid=QuoteLeg(5300, 1)), "not below ask"),
        (msgspec.structs.replace(QUOTE, fair=0.0), "fair value 0.0"),
        (msgspec.structs.replace(QUOTE, fair=1.0), "fair value 1.0"),
        (msgspec.structs.replace(QUOTE, fair=float("nan")), "fair value nan"),
        (msgspec.structs.replace(QUOTE, fair="0.5"), "fair value '0.5'"),
        (msgspec.structs.replace(QUOTE, policy="bad\x1b"), "printable"),
        (msgspec.structs.replace(QUOTE, component="taker"), "a quote is the maker's"),
        (msgspec.structs.replace(QUOTE, trade_legs=(LEG,)), "a quote is the maker's"),
        (msgspec.structs.replace(QUOTE, inputs=(("mid", float("inf")),)), "'mid' is inf"),
        (msgspec.structs.replace(QUOTE, inputs=(("mid", None),)), "'mid' is nothing"),
        (msgspec.structs.replace(QUOTE, inputs=(("m\nid", 1.0),)), "printable"),
        (msgspec.structs.replace(QUOTE, inputs=[("mid", 1.0)]), "tuple of"),
        (msgspec.structs.replace(QUOTE, inputs=(("mid", 1.0, 2.0),)), "tuple of"),
    ],
)
def test_an_unsound_proposal_is_an_error_and_an_empty_quote(
    dispatcher: Any, answer: Any, words: str
) -> None:
    calls = dispatcher(maker=proposing(answer), other=proposing(QUOTE))
    assert calls.propose_quote(MARKET, PORTFOLIO, NOW_NS).quote == Quote("0xm1")
    [problem] = calls.problems
    assert words in problem.message
    assert (problem.plugin, problem.hook) == ("maker", "propose_quote")


# --- shapes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("market", "shaped"),
    [
        (MARKET, with_legs(QuoteLeg(4700, 10_000_000), QuoteLeg(5300, 10_000_000))),  # wider
        (MARKET, with_legs(QuoteLeg(4800, 5_000_000), ASK)),  # smaller
        (MARKET, with_legs(None, ASK)),
        (MARKET, with_legs(BID, None)),
        (MARKET, with_legs(None, None)),
        (MARKET, msgspec.structs.replace(QUOTE, inputs=(*QUOTE.inputs, ("widened", 1)))),
        (LONG, with_legs(QuoteLeg(4700, 10_000_000), QuoteLeg(5100, 10_000_000))),  # down
        (LONG, with_legs(QuoteLeg(4600, 10_000_000), QuoteLeg(5150, 10_000_000))),  # down, wider
        (LONG, with_legs(None, QuoteLeg(4900, 10_000_000))),
        (SHORT, with_legs(QuoteLeg(4900, 10_000_000), QuoteLeg(5300, 10_000_000))),  # up
        (SHORT, with_legs(QuoteLeg(4900, 10_000_000), None)),
    ],
)
def test_a_more_careful_quote_is_taken(dispatcher: Any, market: Any, shaped: Quote) -> None:
    calls = dispatcher(careful=shaping(shaped))
    by = PluginShape("careful", shaped.bid, shaped.ask)
    assert calls.shape_quote(QUOTE, market, PORTFOLIO, NOW_NS) == Shaped(shaped, (by,))
    assert not calls.problems


@pytest.mark.parametrize(
    ("market", "shaped", "words"),
    [
        (MARKET, with_legs(QuoteLeg(4900, 10_000_000), ASK), "closer"),
        (MARKET, with_legs(BID, QuoteLeg(5100, 10_000_000)), "closer"),
        (MARKET, with_legs(QuoteLeg(4700, 10_000_000), QuoteLeg(5100, 10_000_000)), "when long"),
        (MARKET, with_legs(QuoteLeg(4900, 10_000_000), QuoteLeg(5300, 10_000_000)), "when short"),
        (SHORT, with_legs(QuoteLeg(4700, 10_000_000), QuoteLeg(5100, 10_000_000)), "when long"),
        (LONG, with_legs(QuoteLeg(4900, 10_000_000), QuoteLeg(5300, 10_000_000)), "when short"),
        (LONG, with_legs(QuoteLeg(4790, 10_000_000), QuoteLeg(5100, 10_000_000)), "closer"),
        (LONG, with_legs(QuoteLeg(4900, 10_000_000), None), "when short"),
        (MARKET, with_legs(None, QuoteLeg(5100, 10_000_000)), "when long"),
        (MARKET, with_legs(QuoteLeg(4800, 10_000_001), ASK), "grow the bid"),
        (MARKET, with_legs(BID, QuoteLeg(5300, 20_000_000)), "grow the ask"),
        (MARKET, with_legs(QuoteLeg(4800, 0), ASK), "not positive"),
        (MARKET, msgspec.structs.replace(QUOTE, fair=0.51), "fair and policy"),
        (MARKET, msgspec.structs.replace(QUOTE, policy="mine"), "fair and policy"),
        (MARKET, msgspec.structs.replace(QUOTE, market_id="0xm2"), "not the one asked about"),
        (MARKET, True, "not a Quote"),
    ],
)
def test_a_bolder_quote_is_dropped_and_vetoed(
    dispatcher: Any, market: Any, shaped: Any, words: str
) -> None:
    narrower = shaping(lambda quote: msgspec.structs.replace(quote, bid=None))
    calls = dispatcher(bold=shaping(shaped), after=narrower)
    quote, _, vetoes = calls.shape_quote(QUOTE, market, PORTFOLIO, NOW_NS)
    assert quote == with_legs(bid=None)  # the next shape works on the quote before the bold one
    assert vetoes == (PluginVeto("bold", Veto(PLUGIN_ERROR)),)
    assert words in calls.problems[0].message
    assert calls.closed == ()


def test_a_leg_may_not_be_added(dispatcher: Any) -> None:
    calls = dispatcher(bold=shaping(QUOTE))
    one_sided = with_legs(bid=None)
    quote, _, vetoes = calls.shape_quote(one_sided, MARKET, PORTFOLIO, NOW_NS)
    assert quote == one_sided
    assert len(vetoes) == 1
    assert "add a bid" in calls.problems[0].message


def test_shapes_are_chained_and_stop_at_an_empty_quote(dispatcher: Any) -> None:
    seen: list[tuple[str, int]] = []

    def wider(name: str) -> type:
        def shape(quote: Quote) -> Quote:
            assert quote.bid is not None
            seen.append((name, quote.bid.price_e4))
            return msgspec.structs.replace(
                quote, bid=QuoteLeg(quote.bid.price_e4 - 100, quote.bid.size_e6)
            )

        return shaping(shape)

    dropping = shaping(lambda quote: msgspec.structs.replace(quote, bid=None, ask=None))
    calls = dispatcher(a=wider("a"), b=wider("b"), none=shaping(None), drop=dropping, z=wider("z"))
    quote, _, vetoes = calls.shape_quote(QUOTE, MARKET, PORTFOLIO, NOW_NS)
    assert quote.is_empty
    assert vetoes == ()
    assert seen == [("a", 4800), ("b", 4700)]
    assert calls.shape_quote(Quote("0xm1"), MARKET, PORTFOLIO, NOW_NS) == Shaped(Quote("0xm1"))
    assert not calls.problems


def test_a_shape_that_raises_vetoes_this_market_and_every_other(dispatcher: Any) -> None:
    def broken(quote: Quote) -> Quote:
        raise RuntimeError("broken")

    calls = dispatcher(bad=shaping(broken))
    veto = PluginVeto("bad", Veto(PLUGIN_ERROR))
    assert calls.shape_quote(QUOTE, MARKET, PORTFOLIO, NOW_NS) == Shaped(QUOTE, (), (veto,))
    assert calls.pre_quote_veto(QUOTE, a_market("0xm2"), PORTFOLIO, NOW_NS) == (veto,)
    assert calls.closed == ("bad",)


def legs(low: int, high: int) -> st.SearchStrategy[QuoteLeg | None]:
    leg = st.builds(QuoteLeg, st.integers(low, high), st.integers(1, 50))
    return st.one_of(st.none(), leg)


def quotes() -> st.SearchStrategy[Quote]:
    return st.builds(
        lambda bid, ask: Quote("0xm1", 0.5, bid, ask), legs(4990, 5005), legs(4995, 5010)
    )


@given(before=quotes(), after=quotes(), net_shares=st.integers(-2, 2))
def test_an_accepted_shape_never_adds_exposure_nor_narrows(
    before: Quote, after: Quote, net_shares: int
) -> None:
    position = a_position(yes=max(net_shares, 0), no=max(-net_shares, 0))
    market = a_market("0xm1", position=position)
    if quote_fault(before, "0xm1") or shape_fault(after, before, market):
        return
    for side in ("bid", "ask"):
        leg, leg_before = after.leg(side), before.leg(side)
        if leg is not None:
            assert leg_before is not None
            assert leg.size_e6 <= leg_before.size_e6
    # The side that adds to the inventory (both, when flat) never becomes more attractive.
    if after.bid is not None and before.bid is not None and net_shares >= 0:
        assert after.bid.price_e4 <= before.bid.price_e4
    if after.ask is not None and before.ask is not None and net_shares <= 0:
        assert after.ask.price_e4 >= before.ask.price_e4
    if after.bid and after.ask and before.bid and before.ask:
        assert after.ask.price_e4 - after.bid.price_e4 >= before.ask.price_e4 - before.bid.price_e4


@given(quote=quotes(), widen=st.integers(0, 100), down=st.integers(0, 100), part=st.floats(0.1, 1))
def test_every_widening_shrinking_and_shift_against_inventory_is_accepted(
    quote: Quote, widen: int, down: int, part: float
) -> None:
    if quote_fault(quote, "0xm1"):
        return

    def moved(leg: QuoteLeg | None, by_e4: int) -> QuoteLeg | None:
        return leg and QuoteLeg(leg.price_e4 + by_e4, max(1, int(leg.size_e6 * part)))

    shaped = msgspec.structs.replace(
        quote, bid=moved(quote.bid, -widen - down), ask=moved(quote.ask, widen - down)
    )
    assert shape_fault(shaped, quote, LONG) is None


# --- trades --------------------------------------------------------------------------------

LEG = TradeLeg("0xm1", True, True, 5000, 10_000_000)


def trader(answer):
    class Trader(Plugin):
        @hookimpl
        def propose_trades(self, markets):
            return answer

    return Trader


def test_every_plugins_trades_are_kept_with_their_names(dispatcher):
    trade = Trade("taker", (LEG,), 5.0, (("edge", 0.2),))
    calls = dispatcher(one=trader([trade]), two=trader(None), three=trader((trade, trade)))
    found = calls.propose_trades([MARKET], PORTFOLIO, NOW_NS)
    assert [each.plugin for each in found] == ["one", "three", "three"]
    assert calls.has_traders
    assert not dispatcher(quiet=Quiet).has_traders


class Quiet(Plugin):
    @hookimpl
    def on_book(self, market):
        pass


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("no", "not a list of Trade"),
        ([LEG], "not Trade"),
        ([Trade("maker", (LEG,))], "none of arb"),
        ([Trade("arb", ())], "1 to 16 legs"),
        ([Trade("arb", [LEG])], "in a tuple"),
        ([Trade("arb", (LEG,), 0.0)], "within_s"),
        ([Trade("arb", (LEG,), float("nan"))], "within_s"),
        ([Trade("arb", (LEG,), 5.0, (("x", float("inf")),))], "finite"),
        ([Trade("arb", ("leg",))], "not TradeLeg"),
        ([Trade("arb", (msgspec.structs.replace(LEG, market_id=7),))], "not text"),
        ([Trade("arb", (msgspec.structs.replace(LEG, is_yes=1),))], "true or false"),
        ([Trade("arb", (msgspec.structs.replace(LEG, limit_e4=10_000),))], "between 0 and 1"),
        ([Trade("arb", (msgspec.structs.replace(LEG, size_e6=0),))], "positive integer"),
    ],
)
def test_an_unsound_trade_counts_as_none(dispatcher, answer, words):
    calls = dispatcher(bad=trader(answer))
    assert calls.propose_trades([MARKET], PORTFOLIO, NOW_NS) == ()
    assert words in calls.problems[0].message


def test_a_legs_side_and_price_in_yes_space():
    sides = {(leg.is_yes, leg.is_buy): (leg.side, leg.yes_price_e4) for leg in (
        LEG, TradeLeg("m", False, True, 3000, 1), TradeLeg("m", True, False, 6000, 1),
        TradeLeg("m", False, False, 3000, 1),
    )}  # fmt: skip
    assert sides == {
        (True, True): ("bid", 5000), (False, True): ("ask", 7000),
        (True, False): ("ask", 6000), (False, False): ("bid", 7000),
    }  # fmt: skip


# --- readings ----------------------------------------------------------------------------------


def telling(answer: Any) -> type:
    class Telling(Plugin):
        @hookimpl
        def explain_quote(self):
            if isinstance(answer, Exception):
                raise answer
            return answer

    return Telling


def explained(calls: Any) -> tuple[PluginReading, ...]:
    return calls.explain_quote(QUOTE, MARKET, PORTFOLIO, NOW_NS)


def test_readings_of_every_plugin_are_kept_in_file_order(dispatcher: Any) -> None:
    one, two = Reading("score", 0.3, 0.35), Reading("spread_c", 2)
    calls = dispatcher(rrs=telling([one]), quiet=telling(None), qs=telling((two, one)))
    assert explained(calls) == (
        PluginReading("rrs", one),
        PluginReading("qs", two),
        PluginReading("qs", one),
    )
    assert not calls.problems


@pytest.mark.parametrize(
    "answer",
    [
        {"score": 0.3},
        [("score", 0.3)],
        [Reading("score", float("nan"))],
        [Reading("score", 0.3, float("inf"))],
        [Reading("score", None)],
        [Reading("score", True)],
        [Reading("Score of it", 0.3)],
        [Reading("", 0.3)],
        [Reading("a" * 65, 0.3)],
        [Reading("score", 0.3), Reading("score", 0.4)],
        [Reading(f"score_{number}", 0.3) for number in range(33)],
        RuntimeError("broken"),
    ],
)
def test_a_broken_reading_costs_the_reading_and_nothing_else(dispatcher: Any, answer: Any) -> None:
    class Guard(telling(answer)):  # type: ignore[misc]
        codes = ("guard.no",)

        @hookimpl
        def pre_quote_veto(self):
            return [Veto("guard.no")]

    sound = Reading("score", 0.1)
    calls = dispatcher(guard=Guard, sound=telling([sound]))
    for _ in range(4):
        assert explained(calls) == (PluginReading("sound", sound),)
    assert (calls.closed, calls.detached) == ((), ())
    vetoes = calls.pre_quote_veto(QUOTE, MARKET, PORTFOLIO, NOW_NS)
    assert vetoes == (PluginVeto("guard", Veto("guard.no")),)
    [problem] = calls.problems
    assert (problem.hook, problem.action, problem.count) == (
        "explain_quote",
        "readings left out",
        4,
    )
