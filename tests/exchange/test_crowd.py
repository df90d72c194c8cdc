"""The simulated crowd: every trader leaves its trace, and makers pay for what takers know."""

import json
import math
from collections import Counter
from random import Random
from statistics import fmean, median

import pytest

from polyframe.events import Side
from polyframe.exchange.matching import MatchingBook, NewOrder
from polyframe.exchange.simulation.arbitrage import Leg, exclusive_legs, same_truth_legs
from polyframe.exchange.simulation.belief import Belief
from polyframe.exchange.simulation.categories import TEMPERS, tempered
from polyframe.exchange.simulation.character import CALM, DEAD, LIVELY, Day
from polyframe.exchange.simulation.makers import Maker, Outlook, RewardFarmer
from polyframe.exchange.simulation.profiles import CHARACTERS, PROFILES
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.simulation.subjects import FEES
from touch_maker import TouchMaker

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover

S_NS = 10**9
MINUTE_NS = 60 * S_NS
HOUR_NS = 60 * MINUTE_NS
START_NS = 1_800_000_000 * S_NS


def pass_time(source: SimulatedSource, to_ns: int) -> int:
    """Let time pass; return how many trades were printed."""
    trades = 0
    while frames := source.advance(to_ns, 5_000):
        trades += sum(one.payload.startswith(_PRINT) for one in frames)
    return trades


_PRINT = b'{"event_type":"last_trade_price"'


def advance(source: SimulatedSource, to_ns: int) -> list[dict]:
    messages = []
    while frames := source.advance(to_ns, 5_000):
        messages += [json.loads(one.payload) for one in frames]
    return messages


def book_of(bid_e4: int | None, ask_e4: int | None, shares: int = 100) -> MatchingBook:
    book = MatchingBook(100, 5_000_000)
    for side, price in ((Side.BUY, bid_e4), (Side.SELL, ask_e4)):
        if price is not None:
            order = NewOrder(side.value, "x", True, side, price, shares * 1_000_000)
            assert book.rest_unmatched(order)
    return book


# --- what a maker at the touch earns -----------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "markets", "minutes", "least_c", "most_c"),
    [
        ("calm", 30, 90, -0.3, 0.3),
        ("busy", 20, 60, -0.3, 0.3),
        ("mixed", 30, 60, -0.6, 0.3),
        ("in_play", 16, 60, -1.0, 0.5),
        ("hostile", 12, 60, -5.0, -1.0),
    ],
)
def test_a_fill_at_the_touch_is_worth_about_its_price_two_minutes_later(
    profile, markets, minutes, least_c, most_c
) -> None:
    """The half-spread is earned at once, and lost again to those who know more (quant.md A3)."""
    maker = TouchMaker(SimulatedSource(3, markets, 1.0, START_NS, profile=profile))
    maker.run(minutes * 60)
    assert len(maker.markouts_c[120]) >= 150
    assert maker.mean_c(0)[0] > 0.4, "half a spread"
    mean_c, error_c = maker.mean_c(120)
    assert least_c < mean_c < most_c
    assert error_c < 0.4


# --- profiles -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def half_an_hour() -> dict[str, dict[str, float]]:
    """Figures of half an hour of sixteen markets of every profile."""
    found = {}
    for profile in PROFILES:
        source = SimulatedSource(7, 16, 1.0, START_NS, profile=profile)
        moves, spreads = [], []
        before = [one.probability for one in source._markets]
        frames, trades = 0, 0
        while batch := source.advance(START_NS + 30 * MINUTE_NS, 5_000):
            frames += len(batch)
            trades += sum(one.payload.startswith(_PRINT) for one in batch)
        for market, first in zip(source._markets[:16], before, strict=False):
            moves.append(abs(market.probability - first))
            bid, ask = market.book.best_bid_e4, market.book.best_ask_e4
            if bid is not None and ask is not None:
                spreads.append((ask - bid) / market.book.tick_e4)
        found[profile] = {
            "messages": frames,
            "trades": trades,
            "moves": fmean(moves),
            "spread": median(spreads),
        }
    return found


def test_profiles_differ_the_way_their_names_say(half_an_hour) -> None:
    calm, busy = half_an_hour["calm"], half_an_hour["busy"]
    in_play, hostile = half_an_hour["in_play"], half_an_hour["hostile"]
    assert busy["trades"] > 2.5 * calm["trades"]
    assert busy["moves"] > 1.2 * calm["moves"]
    assert in_play["messages"] > 1.5 * busy["messages"] > 3 * calm["messages"]
    assert in_play["moves"] > 2 * busy["moves"]
    assert hostile["moves"] > 2 * calm["moves"]
    assert in_play["spread"] > busy["spread"]
    assert calm["spread"] <= 2


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_as_reproducible_as_mixed_however_time_is_cut(profile) -> None:
    def digest(step_s: float) -> list[bytes]:
        source = SimulatedSource(11, 8, 1.0, START_NS, profile=profile)
        payloads, now_ns = [], START_NS
        while now_ns < START_NS + 4 * MINUTE_NS:
            now_ns = min(now_ns + int(step_s * S_NS), START_NS + 4 * MINUTE_NS)
            while frames := source.advance(now_ns, 50):
                payloads += [one.payload for one in frames]
        return payloads

    assert digest(240) == digest(0.31) != []


def test_every_kind_has_a_character_and_every_category_a_temper() -> None:
    kinds = {kind for one in PROFILES.values() for kind, _ in one.shares}
    assert kinds <= set(CHARACTERS)
    assert all(sum(share for _, share in one.shares) <= 1.0001 for one in PROFILES.values())
    assert set(TEMPERS) == set(FEES)
    assert tempered(DEAD, "Crypto") is DEAD
    crypto, economics = tempered(CALM, "Crypto"), tempered(CALM, "Economics")
    assert crypto.volatility > economics.volatility
    assert crypto.noise_per_h > economics.noise_per_h


# --- everybody's trace --------------------------------------------------------------------


def test_every_kind_of_trader_leaves_its_trace() -> None:
    takers: Counter[str] = Counter()
    makers: Counter[str] = Counter()

    class Heard:
        def matched(self, market_id, matches, now_ns):
            for one in matches:
                takers[one.taker.owner.partition("-")[0]] += 1
                makers[one.maker.owner.partition("-")[0]] += 1

        def removed(self, *_):
            pass

        resolved = removed

    source = SimulatedSource(7, 60, 1.0, START_NS)
    source.listener = Heard()
    pass_time(source, START_NS + HOUR_NS)
    assert {"noise", "sweep", "informed", "maker", "arbitrage"} <= set(takers)
    assert {"maker", "crowd", "farmer"} <= set(makers)
    assert takers["noise"] > takers["sweep"] > takers["arbitrage"] > 0


def test_arbitrage_closes_what_the_sum_of_an_event_leaves_open() -> None:
    source = SimulatedSource(7, 24, 1.0, START_NS, profile="calm")
    group = [one for one in source._markets if one.listing.kind == "neg_risk" and one.is_listed]
    group = [one for one in group if one.listing.belief_id == group[0].listing.belief_id]
    open_for = 0
    for minute in range(1, 31):
        pass_time(source, START_NS + minute * MINUTE_NS)
        open_for += bool(exclusive_legs([one.book for one in group], 80))
    assert open_for <= 3
    dear = group[0].book  # somebody sells the first outcome far too cheaply
    cheap = max(dear.best_bid_e4 - 1_500, dear.tick_e4)
    bought_e6 = sum(size for price, size in dear.levels(True) if price >= cheap)
    order = NewOrder("cheap", "me", True, Side.SELL, cheap, bought_e6 + 200_000_000)
    source.submit(group[0].market_id, order, source._floor.now_ns)
    assert exclusive_legs([one.book for one in group], 500)
    now_ns = source._floor.now_ns
    pass_time(source, now_ns + 2 * MINUTE_NS)
    assert not exclusive_legs([one.book for one in group], 200)


def test_legs_of_an_exclusive_event() -> None:
    books = [book_of(3000, 3200, 50), book_of(2900, 3100), book_of(3300, 3500)]
    assert exclusive_legs(books, 100) == [
        Leg(0, True, 3200, 50.0), Leg(1, True, 3100, 50.0), Leg(2, True, 3500, 50.0),
    ]  # fmt: skip
    assert exclusive_legs(books, 200) == []
    dear = [book_of(3600, 3700), book_of(3400, 3500), book_of(3200, 3300, 20)]
    assert [(leg.is_bid, leg.yes_price_e4, leg.shares) for leg in exclusive_legs(dear, 100)] == [
        (False, 3600, 20.0), (False, 3400, 20.0), (False, 3200, 20.0),
    ]  # fmt: skip
    assert exclusive_legs([book_of(None, 3000), book_of(None, 3000)], 100)[0].is_bid
    assert exclusive_legs([book_of(3000, None), book_of(None, 3000)], 100) == []


def test_legs_of_markets_on_one_truth_and_of_a_crossed_book() -> None:
    assert same_truth_legs([book_of(5000, 5100), book_of(5300, 5400, 30)], 100) == [
        Leg(0, True, 5100, 30.0), Leg(1, False, 5300, 30.0),
    ]  # fmt: skip
    assert same_truth_legs([book_of(5000, 5100), book_of(5100, 5200)], 0) == []
    assert same_truth_legs([book_of(5400, 5100, 10)], 0) == [
        Leg(0, True, 5100, 10.0), Leg(0, False, 5400, 10.0),
    ]  # fmt: skip
    assert same_truth_legs([book_of(None, 5100)], 0) == []


def outlook(probability=0.5, caution=1.0, now_ns=START_NS, *, hit=False) -> Outlook:
    return Outlook(probability, 0.0, caution, hit, now_ns)


def test_a_maker_widens_before_news_leaves_for_it_and_learns_from_being_hit() -> None:
    book = book_of(4900, 5100)

    def bid_and_ask(maker: Maker, seen: Outlook) -> tuple[int, int] | None:
        ladder = maker.quotes(seen, book, Random("wobble"))
        if not ladder:
            return None
        bids = [price for is_bid, price in ladder if is_bid]
        return max(bids), min(price for is_bid, price in ladder if not is_bid)

    maker = Maker("maker-0", CALM, 0.5, Random("maker"))
    usual = bid_and_ask(maker, outlook())
    wide = bid_and_ask(maker, outlook(caution=3.0))
    assert wide[1] - wide[0] >= 2 * (usual[1] - usual[0])
    assert bid_and_ask(maker, outlook(caution=math.inf)) is None
    slow, hit = (Maker("maker-0", CALM, 0.5, Random("maker")) for _ in range(2))
    for one in (slow, hit):
        bid_and_ask(one, outlook())
    later_ns = START_NS + S_NS
    unmoved = bid_and_ask(slow, outlook(0.6, now_ns=later_ns))
    moved = bid_and_ask(hit, outlook(0.6, now_ns=later_ns, hit=True))
    assert moved[0] >= unmoved[0] + 400


def test_a_reward_farmer_quotes_the_least_size_just_inside_and_flees() -> None:
    rng = Random("farmer")
    farmer = RewardFarmer("farmer-0", CALM, 50.0, 450, rng)
    assert farmer.quotes(outlook(), book_of(4900, 5100), rng) == {}, "it looks first"
    ladder = farmer.quotes(outlook(), book_of(4900, 5100), rng)
    assert set(ladder.values()) == {50.0}
    [bid] = [price for is_bid, price in ladder if is_bid]
    [ask] = [price for is_bid, price in ladder if not is_bid]
    assert 5000 - 450 <= bid <= 5000 - 0.5 * 450
    assert 5000 + 0.5 * 450 <= ask <= 5000 + 450
    assert farmer.quotes(outlook(caution=3.0), book_of(4900, 5100), rng) == {}
    assert farmer.quotes(outlook(), book_of(5200, 5400), rng) == {}, "the mid has jumped"
    assert farmer.quotes(outlook(), book_of(5200, 5400), rng) != {}
    assert farmer.quotes(outlook(), book_of(None, 5400), rng) == {}


def test_farmers_are_where_rewards_are() -> None:
    source = SimulatedSource(7, 60, 1.0, START_NS)
    pass_time(source, START_NS + 5 * MINUTE_NS)
    for market in source._markets:
        farmers = [one for one in market.makers if isinstance(one, RewardFarmer)]
        terms = market.terms()
        assert not farmers or terms.reward_usd_per_day > 0
        mid_e4 = market.publisher.last_mid_e6 / 100
        for farmer in farmers:
            for order_id in farmer.order_ids.values():
                resting = market.book.resting(order_id)
                if resting is not None:
                    assert resting.order.size_e6 == terms.reward_min_e6
                    away_e4 = abs(resting.yes_price_e4 - mid_e4)
                    assert away_e4 <= terms.reward_max_spread_e4 + 300  # the mid moves on


def test_announced_news_jumps_at_its_minute_and_empties_the_touch_before() -> None:
    source = SimulatedSource(7, 40, 0.5, START_NS, profile="calm")
    quoted = [one for one in source._markets if one.listing.kind == "calm"]
    market = min(
        (one for one in quoted if one.belief.next_news_ns and one.is_listed),
        key=lambda one: one.belief.next_news_ns,
    )
    news_ns = market.belief.next_news_ns
    assert news_ns % MINUTE_NS == 0
    pass_time(source, news_ns - 6 * MINUTE_NS)
    usual = market.book.best_ask_e4 - market.book.best_bid_e4
    assert any(one.order_ids for one in market.makers)
    pass_time(source, news_ns - S_NS)
    assert not any(one.order_ids for one in market.makers)
    bid, ask = market.book.best_bid_e4, market.book.best_ask_e4
    assert bid is None or ask is None or ask - bid >= usual
    before = market.probability
    pass_time(source, news_ns)
    assert abs(market.probability - before) > 0.01
    assert market.belief.next_news_ns > news_ns
    messages = advance(source, news_ns + 10 * MINUTE_NS)
    assert any(one["market"] == market.market_id for one in messages)
    assert any(one.order_ids for one in market.makers)


def test_the_day_has_its_hours() -> None:
    day = Day(peak_h=20.0, swing=0.5)
    midnight_ns = START_NS - START_NS % (24 * HOUR_NS)
    hours = [day.factor(midnight_ns + hour * HOUR_NS) for hour in range(24)]
    assert fmean(hours) == pytest.approx(1.0)
    assert max(range(24), key=hours.__getitem__) == 20
    assert (min(hours), max(hours)) == pytest.approx((0.5, 1.5))
    assert Day().factor(START_NS) == 1.0

    def trades(hour: int) -> int:
        source = SimulatedSource(7, 24, 1.0, midnight_ns + hour * HOUR_NS, profile="busy")
        return pass_time(source, source.start_ns + HOUR_NS // 2)

    assert trades(18) > 1.2 * trades(6)


# --- the truth stays a martingale -----------------------------------------------------------


@pytest.mark.parametrize(
    "move",
    [
        pytest.param(lambda belief: belief.learn(0, 0.02), id="a taker who knows"),
        pytest.param(lambda belief: belief.surprise(0), id="a sweep"),
        pytest.param(lambda belief: belief.release(belief.next_news_ns), id="announced news"),
        pytest.param(lambda belief: belief.reveal(), id="a proposed answer"),
    ],
)
@pytest.mark.parametrize("probabilities", [[0.3, 0.7], [0.3, 0.4, 0.2, 0.1]])
def test_nothing_moves_the_truth_in_a_known_direction(move, probabilities) -> None:
    finals = []
    for seed in range(3_000):
        belief = Belief(
            probabilities,
            volatility=0.2, jumps_per_h=1.0, jump_size=0.3, rng=Random(f"move:{seed}"),
            news_per_day=1.0, news_size=0.4,
        )  # fmt: skip
        belief.advance(START_NS)
        move(belief)
        assert sum(belief.probabilities) == pytest.approx(1.0)
        assert all(0.0 < one < 1.0 for one in belief.probabilities)
        finals.append(belief.probabilities[0])
    error = (fmean((one - 0.3) ** 2 for one in finals) / len(finals)) ** 0.5
    assert abs(fmean(finals) - 0.3) < 4 * error
    assert error > 0.0001


def test_a_taker_who_knows_moves_the_truth_his_way_by_what_it_is_worth() -> None:
    belief = Belief([0.5, 0.5], volatility=0.0, jumps_per_h=0.0, jump_size=0.0, rng=Random("learn"))
    for _ in range(20):
        before = belief.probabilities[0]
        is_up = belief.learn(0, 0.01)
        assert belief.probabilities[0] - before == pytest.approx(0.01 if is_up else -0.01)


def test_markets_on_the_whole_end_where_they_began() -> None:
    """Takers who know, sweeps and news push every hidden probability, but to neither side."""
    drifts = []
    for seed in range(6):
        source = SimulatedSource(seed, 30, 1.0, START_NS, profile="busy")
        before = [one.probability for one in source._markets]
        pass_time(source, START_NS + 10 * MINUTE_NS)
        drifts += [
            one.probability - first
            for one, first in zip(source._markets, before, strict=True)
            if one.listing.kind != "neg_risk" and one.is_listed
        ]
    error = (fmean(one**2 for one in drifts) / len(drifts)) ** 0.5
    assert abs(fmean(drifts)) < 3 * error
    assert error < 0.01


def test_activity_changes_the_pace_of_orders_not_of_the_truth() -> None:
    assert LIVELY.impact > 0
    slow, fast = (
        pass_time(
            SimulatedSource(7, 20, activity, START_NS, profile="busy"),
            START_NS + 10 * MINUTE_NS,
        )
        for activity in (0.5, 2.0)
    )
    assert fast > 2 * slow
