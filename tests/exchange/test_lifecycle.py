"""What happens to simulated markets: answers, disputes, payouts, game starts, halts, new grids."""

import json
from dataclasses import dataclass, field

import pytest

from polyframe.events import Side
from polyframe.exchange.matching import NewOrder
from polyframe.exchange.recording import market_token_ids
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.simulation.universe import generate_listings
from polyframe.model import MarketSpec
from polyframe.polymarket.gamma_market import parse_market

START_NS = 1_800_000_000 * 10**9
HOUR_NS = 3_600 * 10**9


@dataclass
class Heard:
    """A listener that remembers."""

    removals: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)
    payouts: list[tuple[str, tuple[int, int]]] = field(default_factory=list)

    def matched(self, market_id, matches, now_ns) -> None:
        pass

    def removed(self, market_id, order_ids, status, now_ns) -> None:
        self.removals.append((market_id, tuple(order_ids), status))

    def resolved(self, market_id, payouts_e6, now_ns) -> None:
        self.payouts.append((market_id, payouts_e6))


class Scripted:
    """A small calm universe, one of its markets, and time that is moved by hand."""

    def __init__(self, profile="calm", kind="calm", activity=0.01, markets=8) -> None:
        self.source = SimulatedSource(5, markets, activity, START_NS, profile=profile)
        self.heard = self.source.listener = Heard()
        market = next(one for one in self.source._markets if one.listing.kind == kind)
        self.market, self.market_id = market, market.market_id
        self.now_ns = START_NS

    def to(self, hours: float):
        """Advance to an hour after the start; return the messages about the market."""
        self.now_ns = START_NS + int(hours * HOUR_NS)
        messages = []
        while frames := self.source.advance(self.now_ns, 5_000):
            messages += [json.loads(one.payload) for one in frames]
        return [one for one in messages if one["market"] == self.market_id]

    @property
    def gamma(self):
        return next(one for one in self.source.markets() if one["conditionId"] == self.market_id)

    @property
    def statuses(self) -> list[str]:
        return json.loads(self.gamma["umaResolutionStatuses"])

    @property
    def terms(self):
        return self.source.terms(self.market.publisher.token_ids[0])

    def order(self, name: str, price_e4: int, shares: float = 10) -> NewOrder:
        return NewOrder(name, "me", True, Side.BUY, price_e4, int(shares * 1_000_000))


def test_an_answer_nobody_disputes_pays_after_two_hours() -> None:
    run = Scripted()
    run.to(0.1)
    run.source.submit(run.market_id, run.order("mine", 200), run.now_ns)
    run.source.propose(run.market_id, run.now_ns)
    assert run.statuses == ["proposed"]
    assert not run.market.makers[0].order_ids, "makers leave"
    messages = run.to(2.05)
    assert not [one for one in messages if one["event_type"] == "market_resolved"]
    assert run.gamma["acceptingOrders"]
    [resolved] = [one for one in run.to(2.2) if one["event_type"] == "market_resolved"]
    gamma = run.gamma
    assert run.statuses == ["proposed", "resolved"]
    assert (gamma["closed"], gamma["acceptingOrders"]) == (True, False)
    won = market_token_ids(gamma).index(resolved["winning_asset_id"])
    assert json.loads(gamma["outcomePrices"])[won] == "1"
    [(market_id, order_ids, status)] = run.heard.removals
    assert (market_id, status) == (run.market_id, "CANCELED_MARKET_RESOLVED")
    assert "mine" in order_ids
    payouts = (1_000_000, 0) if won == 0 else (0, 1_000_000)
    assert run.heard.payouts == [(run.market_id, payouts)]
    assert not run.terms.is_accepting
    spec = parse_market(gamma)
    assert isinstance(spec, MarketSpec)
    assert spec.yes_payout_e6 == payouts[0]


def test_a_first_dispute_brings_a_new_answer_and_a_second_one_a_vote_of_days() -> None:
    run = Scripted()
    run.source.propose(run.market_id, run.now_ns)
    run.to(1.0)
    run.source.dispute(run.market_id, run.now_ns)
    assert run.statuses == ["proposed", "disputed"]
    run.to(7.1)  # the answer of the first hour is no longer due; the second one has come
    assert run.statuses[:3] == ["proposed", "disputed", "proposed"]
    if run.statuses[-1] == "proposed":
        run.to(9.2)
    assert run.statuses == ["proposed", "disputed", "proposed", "resolved"]

    run = Scripted()
    run.source.propose(run.market_id, run.now_ns)
    run.source.dispute(run.market_id, run.now_ns)
    run.source.propose(run.market_id, run.now_ns)
    run.source.dispute(run.market_id, run.now_ns)
    run.to(95)
    assert run.statuses == ["proposed", "disputed"] * 2
    run.to(145)
    assert run.statuses == [*["proposed", "disputed"] * 2, "resolved"]


@pytest.mark.parametrize(
    ("payouts", "prices"),
    [
        ((1_000_000, 0), ["1", "0"]),
        ((0, 1_000_000), ["0", "1"]),
        ((500_000, 500_000), ["0.5", "0.5"]),
    ],
)
def test_a_script_resolves_as_it_likes(payouts, prices) -> None:
    run = Scripted()
    run.to(0.1)
    run.source.resolve(run.market_id, payouts, run.now_ns)
    [resolved] = [one for one in run.to(0.1) if one["event_type"] == "market_resolved"]
    assert json.loads(run.gamma["outcomePrices"]) == prices
    assert run.heard.payouts == [(run.market_id, payouts)]
    winner = "" if payouts[0] == 500_000 else run.market.publisher.token_ids[payouts[0] == 0]
    assert resolved["winning_asset_id"] == winner
    spec = parse_market(run.gamma)
    assert isinstance(spec, MarketSpec)
    assert spec.yes_payout_e6 == payouts[0]
    assert run.source.submit(run.market_id, run.order("late", 200), run.now_ns).rejection == (
        "the market is not yet ready to process new orders"
    )


def test_what_cannot_be_is_refused() -> None:
    run = Scripted()
    with pytest.raises(ValueError, match="no answer"):
        run.source.dispute(run.market_id, run.now_ns)
    with pytest.raises(ValueError, match="add up"):
        run.source.resolve(run.market_id, (1_000_000, 1), run.now_ns)
    run.source.propose(run.market_id, run.now_ns)
    with pytest.raises(ValueError, match="proposed"):
        run.source.propose(run.market_id, run.now_ns)
    run.source.resolve(run.market_id, (1_000_000, 0), run.now_ns)
    with pytest.raises(ValueError, match="resolved already"):
        run.source.resolve(run.market_id, (1_000_000, 0), run.now_ns)
    with pytest.raises(KeyError):
        run.source.halt("0xnone", run.now_ns)


def test_exclusive_siblings_agree_on_the_winner() -> None:
    run = Scripted(kind="neg_risk", markets=40)
    group = [
        one for one in run.source._markets
        if one.listing.belief_id == run.market.listing.belief_id
    ]  # fmt: skip
    for one in group:
        run.source.propose(one.market_id, run.now_ns)
    run.to(2.1)
    assert sum(one.payouts_e6 == (1_000_000, 0) for one in group) == 1
    assert sum(one.payouts_e6 == (0, 1_000_000) for one in group) == len(group) - 1


def test_a_game_that_starts_clears_the_book_and_is_then_played() -> None:
    run = Scripted("in_play", "upcoming", activity=1.0)
    start_h = (run.market.listing.game_start_ns - START_NS) / HOUR_NS
    assert 0 < start_h < 3.5
    run.to(start_h - 0.01)
    mine = run.order("mine", 100)
    assert run.source.submit(run.market_id, mine, run.now_ns).resting_e6
    assert run.market_id not in [one[0] for one in run.heard.removals]
    messages = run.to(start_h + 0.0001)
    [(_, order_ids, status)] = [one for one in run.heard.removals if one[0] == run.market_id]
    assert status == "CANCELED"
    assert "mine" in order_ids
    cleared = [
        one for one in messages
        if one["event_type"] == "price_change"
        and len(one["price_changes"]) > 40
        and all(change["size"] == "0" for change in one["price_changes"])
    ]  # fmt: skip
    assert len(cleared) == 1
    assert len(run.market.makers) >= run.market.character.makers > 3
    assert run.market.character == run.market.listing.in_play
    quiet = len(messages)
    later = run.to(start_h + 0.2)
    assert len(later) > 100 > quiet
    assert any(one["event_type"] == "last_trade_price" for one in run.to(start_h + 0.5))
    spec = parse_market(run.gamma)
    assert (spec.seconds_delay, spec.game_start_ns) == (
        3.0,
        run.market.listing.game_start_ns // 10**9 * 10**9,
    )
    assert run.terms.taker_delay_s == 3


def test_a_halt_refuses_orders_and_lets_cancels_through() -> None:
    run = Scripted(activity=5.0)
    run.source.submit(run.market_id, run.order("mine", 200), run.now_ns)
    run.source.halt(run.market_id, run.now_ns)
    assert not run.gamma["acceptingOrders"]
    assert not run.terms.is_accepting
    refused = run.source.submit(run.market_id, run.order("more", 200), run.now_ns)
    assert refused.rejection
    assert run.source.cancel(run.market_id, "mine", run.now_ns) == 10_000_000
    messages = run.to(0.2)
    assert not any(one["event_type"] == "last_trade_price" for one in messages)
    run.source.resume(run.market_id, run.now_ns)
    assert run.terms.is_accepting
    messages = run.to(0.5)
    assert any(one["event_type"] == "price_change" for one in messages)
    assert not run.source.submit(run.market_id, run.order("again", 200), run.now_ns).rejection


def test_grid_least_size_and_fees_change_where_everybody_looks() -> None:
    run = Scripted()
    source, market_id = run.source, run.market_id
    source.change_tick(market_id, 10, run.now_ns)
    source.set_min_size(market_id, 15_000_000, run.now_ns)
    source.set_fees(market_id, 0.07, run.now_ns)
    told = [one for one in run.to(0) if one["event_type"] == "tick_size_change"]
    assert [one["new_tick_size"] for one in told] == ["0.001", "0.001"]
    gamma = run.gamma
    assert (gamma["orderPriceMinTickSize"], gamma["orderMinSize"]) == (0.001, 15)
    assert gamma["feeSchedule"]["rate"] == run.terms.fee_rate == 0.07
    book = source.book(run.market.publisher.token_ids[1])
    assert (book["tick_size"], book["min_order_size"]) == ("0.001", "15")
    assert "Size" in source.submit(market_id, run.order("small", 200), run.now_ns).rejection
    fine = run.order("fine", 11, 20)
    assert not source.submit(market_id, fine, run.now_ns).rejection or fine.price_e4 % 10
    source.set_fees(market_id, 0.0, run.now_ns)
    assert not run.gamma["feesEnabled"]
    assert run.terms.fee_rate == 0.0
    assert parse_market(run.gamma).fees.rate == 0.0


# --- protocol V2 and the held takers ---------------------------------------------------


def test_protocol_v2_ids_are_made_as_the_venue_makes_them() -> None:
    listings = [
        one
        for seed in range(4)
        for one in generate_listings(seed, 200, START_NS)
        if one.gamma["version"] == "v2"
    ]
    assert 40 <= len(listings) <= 130
    assert {one.gamma["negRisk"] for one in listings} == {True, False}
    for one in listings:
        ids = one.gamma["positionIds"]
        assert isinstance(ids, list)
        for outcome, text in enumerate(ids):
            number = int(text)
            assert number & (((1 << 64) - 1) << 40) == 0
            assert number >> 248 == (2 if one.gamma["negRisk"] else 1)
            assert number & 0xFF == outcome
            assert one.gamma["conditionId"] == f"0x{number >> 8:062x}"
        spec = parse_market(one.gamma)
        assert isinstance(spec, MarketSpec)
        assert spec.token_ids == tuple(ids) == tuple(market_token_ids(one.gamma))
        assert json.loads(one.gamma["clobTokenIds"]) != ids


def test_a_v2_market_trades_its_position_ids() -> None:
    source = SimulatedSource(7, 100, 1.0, START_NS)
    market = next(one for one in source._markets if one.gamma["version"] == "v2")
    first, second = market.gamma["positionIds"]
    assert source.terms(first).version == "v2"
    assert source.terms(first).token_ids == (first, second)
    assert source.book(second)["asset_id"] == second
    assert source.book(json.loads(market.gamma["clobTokenIds"])[0]) is None


def test_takers_of_up_or_down_markets_are_held() -> None:
    source = SimulatedSource(7, 40, 1.0, START_NS, profile="busy")
    held = [one for one in source._markets if one.terms().taker_hold_ms]
    assert {one.terms().taker_hold_ms for one in held} == {150}
    assert {one.listing.kind for one in held} == {"updown"}
    assert all(one.gamma["itode"] and "Up or Down" in one.gamma["question"] for one in held)
    assert {one.terms().outcomes for one in held} == {("Up", "Down")}
