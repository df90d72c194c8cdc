"""The simulated market in virtual time: reproducible, consistent, and lively enough to trade in."""

import hashlib
import json
from collections import Counter, defaultdict
from itertools import pairwise
from random import Random
from statistics import fmean, median, stdev

import pytest

from polyframe.events import Side
from polyframe.exchange.matching import MatchingBook, NewOrder
from polyframe.exchange.recording import market_token_ids
from polyframe.exchange.simulation.belief import Belief
from polyframe.exchange.simulation.character import CALM, IN_PLAY, LIVELY, Character
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.source import Frame

START_NS = 1_800_000_000 * 10**9
S_NS = 10**9
HOUR_NS = 3_600 * S_NS


def run(source: SimulatedSource, seconds: float, step_s: float = 5.0) -> list[Frame]:
    frames: list[Frame] = []
    now_ns, end_ns = source.start_ns, source.start_ns + int(seconds * S_NS)
    while now_ns < end_ns:
        now_ns = min(now_ns + int(step_s * S_NS), end_ns)
        while batch := source.advance(now_ns, 500):
            frames += batch
    return frames


def digest(frames: list[Frame]) -> str:
    hashed = hashlib.sha256()
    for frame in frames:
        hashed.update(b"%d " % frame.ts_ns + frame.payload + b"\n")
    return hashed.hexdigest()


def test_the_same_seed_gives_the_same_frames_however_time_is_cut() -> None:
    coarse = run(SimulatedSource(7, 40, 1.0, START_NS), 120, step_s=60)
    fine = run(SimulatedSource(7, 40, 1.0, START_NS), 120, step_s=0.37)
    assert len(coarse) > 500
    assert digest(coarse) == digest(fine)
    assert digest(coarse) != digest(run(SimulatedSource(8, 40, 1.0, START_NS), 120))


def test_frames_come_in_time_order_and_never_early() -> None:
    source = SimulatedSource(3, 20, 1.0, START_NS)
    last_ns = START_NS
    for step in range(1, 40):
        for frame in source.advance(START_NS + step * S_NS, 10**6):
            assert last_ns <= frame.ts_ns <= START_NS + step * S_NS
            last_ns = frame.ts_ns


def levels(entries: list[dict[str, str]]) -> dict[str, str]:
    return {entry["price"]: entry["size"] for entry in entries}


def test_rest_books_are_what_the_frames_build_and_tokens_mirror() -> None:
    source = SimulatedSource(5, 30, 1.0, START_NS)
    tokens = [token for one in source.markets() for token in market_token_ids(one)]
    built = {}
    for token in tokens:
        book = source.book(token)
        built[token] = {"BUY": levels(book["bids"]), "SELL": levels(book["asks"])}
    for frame in run(source, 300):
        message = json.loads(frame.payload)
        if message["event_type"] == "book":
            told = {"BUY": levels(message["bids"]), "SELL": levels(message["asks"])}
            # The level totals that went before already said all of it.
            assert built[message["asset_id"]] == told
        for change in message.get("price_changes", ()):
            side = built[change["asset_id"]][change["side"]]
            if change["size"] == "0":
                side.pop(change["price"])
            else:
                side[change["price"]] = change["size"]
        for token in {change["asset_id"] for change in message.get("price_changes", ())}:
            bids, asks = built[token]["BUY"], built[token]["SELL"]
            last = [one for one in message["price_changes"] if one["asset_id"] == token][-1]
            assert last["best_bid"] == max(bids, key=float, default="")
            assert last["best_ask"] == min(asks, key=float, default="")
    for one in source.markets():
        yes, no = (source.book(token) for token in market_token_ids(one))
        for book in (yes, no):
            assert built[book["asset_id"]]["BUY"] == levels(book["bids"])
            assert built[book["asset_id"]]["SELL"] == levels(book["asks"])
            prices = [float(level["price"]) for level in book["bids"]]
            assert prices == sorted(prices), "worst first"
            prices = [float(level["price"]) for level in book["asks"]]
            assert prices == sorted(prices, reverse=True), "worst first"
        mirrored = [(round(1 - float(b["price"]), 4), b["size"]) for b in yes["bids"]]
        assert mirrored == [(float(a["price"]), a["size"]) for a in no["asks"]]


def test_prints_are_told_from_the_taker_and_followed_by_both_books() -> None:
    frames = run(SimulatedSource(11, 20, 1.0, START_NS), 240)
    kinds = [json.loads(frame.payload) for frame in frames]
    prints = [one for one in kinds if one["event_type"] == "last_trade_price"]
    assert {one["side"] for one in prints} == {Side.BUY, Side.SELL}
    for index, message in enumerate(kinds):
        if message["event_type"] != "last_trade_price":
            continue
        after = [one["event_type"] for one in kinds[index : index + 40]]
        stop = next(place for place, kind in enumerate(after) if kind != "last_trade_price")
        assert after[stop] == "price_change"
        assert after[stop + 1 : stop + 3] == ["book", "book"]


def test_the_market_is_worth_making() -> None:
    """Loose bounds on what a market maker meets in a quarter of an hour of forty markets."""
    source = SimulatedSource(7, 40, 1.0, START_NS)
    gamma = source.markets()
    yes_of = {market_token_ids(one)[0]: one["conditionId"] for one in gamma}
    start_mid = {one["conditionId"]: float(json.loads(one["outcomePrices"])[0]) for one in gamma}
    volume = {one["conditionId"]: one["volume24hr"] for one in gamma}
    lively = {one for one in volume if volume[one] >= 8_000}
    prints: Counter[str] = Counter()
    swept: Counter[str] = Counter()
    touch: dict[str, list[float]] = defaultdict(list)
    frames = run(source, 900)
    batch: dict[tuple[str, int], list[float]] = defaultdict(list)
    for frame in frames:
        message = json.loads(frame.payload)
        if message["event_type"] == "last_trade_price":
            prints[message["market"]] += 1
            batch[message["market"], frame.ts_ns].append(float(message["price"]))
        elif message["event_type"] == "best_bid_ask" and message["asset_id"] in yes_of:
            touch[message["market"]].append(float(message["spread"]))
    for (market, _), prices in batch.items():
        swept[market] += max(prices) - min(prices) >= 0.02
    moves = [
        abs(float(json.loads(one["outcomePrices"])[0]) - start_mid[one["conditionId"]])
        for one in source.markets()
        if one["conditionId"] in lively
    ]
    assert len(lively) >= 10
    assert 0.005 <= median(moves) <= 0.15
    assert median(prints[one] for one in lively) >= 20
    assert median(swept[one] for one in lively) >= 1
    assert median(median(touch[one]) for one in lively if touch[one]) <= 0.04
    assert 5 <= len(frames) / 900 <= 60
    liquid = [one for one in source.markets() if one["liquidityNum"] > 500]
    assert len(liquid) >= 0.6 * len(gamma)


@pytest.mark.parametrize(
    ("character", "probabilities", "hours"),
    [
        pytest.param(LIVELY, [0.6, 0.4], 240, id="mostly diffusion"),
        pytest.param(IN_PLAY, [0.6, 0.4], 24, id="mostly jumps"),
        pytest.param(IN_PLAY, [0.6, 0.2, 0.1, 0.06, 0.04], 72, id="five outcomes"),
        pytest.param(CALM, [0.6, 0.4], 24, id="all at the last moment"),
    ],
)
def test_g7_a_belief_moves_as_much_as_its_outcome_is_uncertain(
    character: Character, probabilities: list[float], hours: int
) -> None:
    """Whatever the path of a martingale that ends at 0 or 1, its expected QV is p (1 - p)."""
    variations, on_the_way = [], 0.0
    for seed in range(800):
        belief = Belief(
            probabilities,
            volatility=character.volatility, jumps_per_h=character.jumps_per_h,
            jump_size=character.jump_size, rng=Random(f"variation:{seed}"),
        )  # fmt: skip
        belief.advance(START_NS)
        path = [0.6]
        for step in range(1, 49):
            belief.advance(START_NS + step * hours * HOUR_NS // 48)
            path.append(belief.probabilities[0])
        moves = [(after - before) ** 2 for before, after in pairwise(path)]
        settled = 1.0 if belief.settle() == 0 else 0.0
        variations.append(sum(moves) + (settled - path[-1]) ** 2)
        on_the_way += sum(moves) / 800
    standard_error = stdev(variations) / len(variations) ** 0.5
    assert abs(fmean(variations) - 0.6 * 0.4) < 3 * standard_error
    assert standard_error < 0.01
    assert (on_the_way > 0.12) is (character is not CALM)


@pytest.mark.parametrize("outcomes", [2, 5])
def test_beliefs_are_martingales_that_sum_to_one(outcomes: int) -> None:
    finals = []
    for seed in range(1_500):
        belief = Belief(
            [0.3] + [0.7 / (outcomes - 1)] * (outcomes - 1),
            volatility=0.5, jumps_per_h=2.0, jump_size=0.4, rng=Random(f"test:{seed}"),
        )  # fmt: skip
        for hour in range(6):
            belief.advance(START_NS + hour * HOUR_NS // 2)
        assert sum(belief.probabilities) == pytest.approx(1.0)
        assert all(0 < one < 1 for one in belief.probabilities)
        finals.append(belief.probabilities[0])
    mean = sum(finals) / len(finals)
    error = (sum((one - mean) ** 2 for one in finals) / len(finals) / len(finals)) ** 0.5
    assert abs(mean - 0.3) < 4 * error
    assert error > 0.001, "it moves"


def test_markets_end_are_proposed_and_resolve() -> None:
    source = SimulatedSource(9, 60, 0.005, START_NS)  # few orders: only the lifecycle matters
    before = {one["id"]: one for one in source.markets()}
    frames = run(source, 26 * 3_600, step_s=600)
    resolved = [
        json.loads(frame.payload)
        for frame in frames
        if frame.flagged and b'"market_resolved"' in frame.payload
    ]
    assert resolved
    now = {one["id"]: one for one in source.markets()}
    for message in resolved:
        gamma = now[message["id"]]
        assert gamma["closed"]
        assert not gamma["acceptingOrders"]
        assert json.loads(gamma["umaResolutionStatuses"])[-1] == "resolved"
        tokens = market_token_ids(gamma)
        won = tokens.index(message["winning_asset_id"])
        assert json.loads(gamma["outcomePrices"])[won] == "1"
        assert source.book(tokens[0])["bids"] == source.book(tokens[1])["bids"] == []
    listed = [json.loads(one.payload) for one in frames if one.for_everyone]
    assert {one["id"] for one in listed} == set(now) - set(before) != set()


def test_the_tick_refines_when_the_price_leaves_the_middle() -> None:
    source = SimulatedSource(2, 10, 1.0, START_NS)
    market = next(one for one in source._markets if one.listing.kind == "lively")
    market.belief.probabilities[:] = [0.985, 0.015]
    frames = [
        json.loads(frame.payload)
        for frame in run(source, 1_200)
        if frame.token_ids[0] in market.publisher.token_ids and not frame.flagged
    ]
    place = next(
        index for index, one in enumerate(frames) if one["event_type"] == "tick_size_change"
    )
    changes, books = frames[place : place + 2], frames[place + 2 : place + 4]
    for change, book in zip(changes, books, strict=True):
        assert (change["old_tick_size"], change["new_tick_size"]) == ("0.01", "0.001")
        assert (book["asset_id"], book["tick_size"]) == (change["asset_id"], "0.001")
    gamma = next(one for one in source.markets() if one["conditionId"] == changes[0]["market"])
    assert gamma["orderPriceMinTickSize"] == 0.001
    later = [one for one in frames[place + 4 :] if one["event_type"] == "price_change"]
    prices = [change["price"] for one in later for change in one["price_changes"]]
    assert any(len(price) == 5 for price in prices), "orders use the new grid"


def touches(source: SimulatedSource, market, seconds: int, step_s: float = 0.5):
    """(best bid, best ask) of a market's book every ``step_s``."""
    for step in range(1, round(seconds / step_s) + 1):
        while source.advance(START_NS + int(step * step_s * S_NS), 500):
            pass
        yield market.book.best_bid_e4, market.book.best_ask_e4


def test_a_stalled_market_is_crossed_for_some_seconds_and_then_orderly_again() -> None:
    source = SimulatedSource(2, 10, 1.0, START_NS, stalls_per_h=30.0)
    market = next(one for one in source._markets if one.listing.kind == "lively")
    crossed = [bid >= ask for bid, ask in touches(source, market, 3_600) if bid and ask]
    lengths, length = [], 0
    for is_crossed in crossed:
        if is_crossed:
            length += 1
        elif length:
            lengths.append(length / 2)
            length = 0
    assert len(lengths) >= 10  # others may take the crossing at once, or two stalls may join
    assert median(lengths) >= 2.0
    assert sum(lengths) < 0.3 * 3_600
    assert not crossed[-1] or length


def test_without_stalls_no_book_is_ever_crossed() -> None:
    source = SimulatedSource(2, 10, 1.0, START_NS)
    for market in [one for one in source._markets if one.listing.kind == "lively"][:1]:
        assert all(bid < ask for bid, ask in touches(source, market, 900) if bid and ask)


def test_what_crosses_is_shown_to_everybody_and_can_be_taken() -> None:
    book = MatchingBook(100, 5_000_000)

    def order(name: str, side: Side, price_e4: int, shares: int) -> NewOrder:
        return NewOrder(name, name, True, side, price_e4, shares * 1_000_000)

    book.submit(order("ask", Side.SELL, 5100, 50))
    book.submit(order("bid", Side.BUY, 4900, 50))
    assert book.rest_unmatched(order("stalled", Side.BUY, 5400, 30))
    assert (book.best_bid_e4, book.best_ask_e4) == (5400, 5100)
    assert not book.rest_unmatched(order("off grid", Side.BUY, 5450, 30))
    taken = book.submit(order("taker", Side.SELL, 5300, 30))
    assert [(m.maker.order_id, m.yes_price_e4) for m in taken.matches] == [("stalled", 5400)]
