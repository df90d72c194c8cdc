"""The matching engine: goldens of venue.md 4.3, and what must hold whatever is sent."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe.events import Side
from polyframe.exchange.matching import (
    MatchingBook,
    MatchKind,
    NewOrder,
    TimeInForce,
    settlement,
)
from polyframe.money import PRICE_ONE_E4, USD_E12

E6 = 1_000_000


def book(tick_e4: int = 100) -> MatchingBook:
    return MatchingBook(tick_e4, 5 * E6)


def order(
    order_id: str, token: str, side: str, price: int, shares: float = 10, **more: object
) -> NewOrder:
    return NewOrder(
        order_id,
        str(more.pop("owner", order_id)),
        token == "YES",
        Side(side),
        price,
        round(shares * E6),
        **more,  # type: ignore[arg-type]
    )


def test_a_no_order_rests_mirrored_in_yes_space() -> None:
    engine = book()
    engine.submit(order("a", "NO", "BUY", 4000, 100))
    engine.submit(order("b", "NO", "SELL", 6200, 50))
    assert engine.levels(False) == [(6000, 100 * E6)]
    assert engine.levels(True) == [(3800, 50 * E6)]


def test_two_buyers_mint_at_the_makers_price() -> None:
    engine = book()
    engine.submit(order("maker", "NO", "BUY", 4000, 10))
    (match,) = engine.submit(order("taker", "YES", "BUY", 6500, 10)).matches
    assert match.kind is MatchKind.MINT
    # The maker pays its own 0.40; the improvement from 0.65 to 0.60 is the taker's.
    maker, taker = settlement(match)
    assert (maker.cash_e12, maker.no_e6) == (-4 * USD_E12, 10 * E6)
    assert (taker.cash_e12, taker.yes_e6) == (-6 * USD_E12, 10 * E6)


def test_dollars_buy_more_where_the_price_is_better() -> None:
    engine = book()
    engine.submit(order("cheap", "YES", "SELL", 3000, 10))
    engine.submit(order("dear", "NO", "BUY", 6000, 30))  # offers YES at 0.40
    taker = order("taker", "YES", "BUY", 5000, 10, time_in_force=TimeInForce.FAK,
                  spends_e12=5 * USD_E12)  # fmt: skip
    first, second = engine.submit(taker).matches
    assert (first.size_e6, second.size_e6) == (10 * E6, 5 * E6)
    assert -sum(settlement(one)[1].cash_e12 for one in (first, second)) == 5 * USD_E12
    assert engine.level_e6(False, 4000) == 25 * E6


def test_a_fok_for_dollars_is_filled_when_they_can_all_be_spent() -> None:
    engine = book()
    engine.submit(order("cheap", "YES", "SELL", 3000, 15))
    asked = {"time_in_force": TimeInForce.FOK, "spends_e12": 5 * USD_E12}
    assert "FOK" in engine.submit(order("no", "YES", "BUY", 5000, 10, **asked)).rejection
    engine.submit(order("more", "YES", "SELL", 5000, 5))
    assert sum(m.size_e6 for m in engine.submit(
        order("yes", "YES", "BUY", 5000, 10, **asked)).matches) == 16 * E6  # fmt: skip


def test_two_sellers_merge_and_a_plain_trade_moves_tokens() -> None:
    engine = book()
    engine.submit(order("maker", "YES", "SELL", 3000, 10))
    (match,) = engine.submit(order("taker", "NO", "SELL", 7000, 10)).matches
    assert match.kind is MatchKind.MERGE
    assert sum(gain.cash_e12 for gain in settlement(match)) == 10 * USD_E12
    engine.submit(order("maker2", "NO", "SELL", 5000, 10))
    (match,) = engine.submit(order("taker2", "NO", "BUY", 5000, 10)).matches
    assert match.kind is MatchKind.NORMAL
    assert match.taker_price_e4 == 5000


def test_price_then_time_decides_and_what_is_left_rests() -> None:
    engine = book()
    for name, price in (("late_price", 5200), ("first", 5100), ("second", 5100)):
        engine.submit(order(name, "YES", "SELL", price, 10))
    done = engine.submit(order("taker", "YES", "BUY", 5200, 35))
    assert [match.maker.order_id for match in done.matches] == ["first", "second", "late_price"]
    assert [match.yes_price_e4 for match in done.matches] == [5100, 5100, 5200]
    assert done.resting_e6 == 5 * E6
    assert engine.levels(True) == [(5200, 5 * E6)]
    assert engine.best_ask_e4 is None


def test_a_partial_fill_keeps_its_place_in_line() -> None:
    engine = book()
    engine.submit(order("first", "YES", "SELL", 5000, 10))
    engine.submit(order("second", "YES", "SELL", 5000, 10))
    engine.submit(order("t1", "YES", "BUY", 5000, 6))
    (match,) = engine.submit(order("t2", "YES", "BUY", 5000, 4 + 1)).matches[:1]
    assert match.maker.order_id == "first"
    assert engine.queue(False, 5000) == ("second",)


def test_refusals_carry_the_venues_words() -> None:
    engine = book()
    engine.submit(order("ask", "YES", "SELL", 5000, 10))
    refused = {
        "tick": order("x", "YES", "BUY", 4950),
        "size": order("x", "YES", "BUY", 4900, 4.99),
        "duplicate": order("ask", "YES", "SELL", 5000, 10),
        # Locked counts as crossing, and the crossing order may be on the other token.
        "post": order("x", "NO", "SELL", 5000, 10, post_only=True),
        "fok": order("x", "YES", "BUY", 5000, 11, time_in_force=TimeInForce.FOK),
        "fak": order("x", "YES", "BUY", 4900, 10, time_in_force=TimeInForce.FAK),
    }
    texts = {name: engine.submit(one).rejection for name, one in refused.items()}
    assert texts == {
        "tick": "order x is invalid. Price (0.495) breaks minimum tick size rule: 0.01",
        "size": "order x is invalid. Size (4.99) lower than the minimum: 5",
        "duplicate": "order ask is invalid. Duplicated.",
        "post": "invalid post-only order: order crosses book",
        "fok": "order couldn't be fully filled. FOK orders are fully filled or killed.",
        "fak": "no orders found to match with FAK order. FAK orders are partially filled "
        "or killed if no match is found.",
    }
    assert engine.levels(False) == [(5000, 10 * E6)]


def test_fok_and_fak_never_rest() -> None:
    engine = book()
    engine.submit(order("ask", "YES", "SELL", 5000, 10))
    assert not engine.submit(
        order("fak", "YES", "BUY", 5500, 25, time_in_force=TimeInForce.FAK)
    ).resting_e6
    assert engine.levels(True) == engine.levels(False) == []
    engine.submit(order("ask2", "YES", "SELL", 5000, 10))
    done = engine.submit(order("fok", "YES", "BUY", 5000, 10, time_in_force=TimeInForce.FOK))
    assert sum(match.size_e6 for match in done.matches) == 10 * E6


def test_a_finer_grid_keeps_what_rests_and_checks_new_orders() -> None:
    engine = book()
    engine.submit(order("old", "YES", "BUY", 9600, 10))
    engine.set_tick(10)
    assert not engine.submit(order("new", "YES", "BUY", 9610, 10)).rejection
    assert engine.levels(True) == [(9600, 10 * E6), (9610, 10 * E6)]


orders = st.builds(
    lambda token, side, price, shares, tif, post: (token, side, price * 100, shares, tif, post),
    st.sampled_from(("YES", "NO")),
    st.sampled_from(("BUY", "SELL")),
    st.integers(40, 60),
    st.integers(5, 60),
    st.sampled_from(tuple(TimeInForce)),
    st.booleans(),
)
actions = st.lists(st.one_of(orders, st.integers(0, 60)), max_size=60)


def play(script: list[object]) -> tuple[MatchingBook, list, list[NewOrder]]:
    """Return the book, the matches in order, and the orders that were accepted."""
    engine, matches, accepted = book(), [], []
    for number, action in enumerate(script):
        if isinstance(action, int):
            engine.cancel(str(action))
            continue
        token, side, price, shares, tif, post = action
        one = order(
            str(number), token, side, price, shares, time_in_force=tif,
            post_only=post and tif is TimeInForce.GTC, owner=str(number % 5),
        )  # fmt: skip
        done = engine.submit(one)
        if not done.rejection:
            accepted.append(one)
        matches += done.matches
        bid, ask = engine.best_bid_e4, engine.best_ask_e4
        assert bid is None or ask is None or bid < ask, "crossed after matching"
    return engine, matches, accepted


@settings(max_examples=150, deadline=None)
@given(actions)
def test_cash_and_pairs_are_conserved(script: list[object]) -> None:
    _, matches, _ = play(script)
    cash, pairs_e6 = 0, 0
    holdings: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for match in matches:
        for gain in settlement(match):
            cash += gain.cash_e12
            holdings[gain.owner][0] += gain.yes_e6
            holdings[gain.owner][1] += gain.no_e6
        pairs_e6 += match.size_e6 * (match.kind is MatchKind.MINT)
        pairs_e6 -= match.size_e6 * (match.kind is MatchKind.MERGE)
    # Each pair outstanding was paid for with exactly one dollar; there are as many YES as NO.
    assert cash + pairs_e6 * USD_E12 // E6 == 0
    assert sum(yes for yes, _ in holdings.values()) == pairs_e6
    assert sum(no for _, no in holdings.values()) == pairs_e6


@settings(max_examples=150, deadline=None)
@given(actions)
def test_no_order_trades_beyond_its_limit_or_its_size(script: list[object]) -> None:
    engine, matches, accepted = play(script)
    filled: dict[str, int] = defaultdict(int)
    for match in matches:
        assert match.yes_price_e4 == match.maker.yes_price_e4
        for one in (match.maker, match.taker):
            filled[one.order_id] += match.size_e6
            if one.is_bid:
                assert match.yes_price_e4 <= one.yes_price_e4
            else:
                assert match.yes_price_e4 >= one.yes_price_e4
    for one in accepted:
        resting = engine.resting(one.order_id)
        leaves = resting.leaves_e6 if resting else 0
        assert filled[one.order_id] + leaves <= one.size_e6
    for is_bid in (True, False):
        for price, total in engine.levels(is_bid):
            ids = engine.queue(is_bid, price)
            assert total == sum(engine.resting(one).leaves_e6 for one in ids) > 0


@settings(max_examples=100, deadline=None)
@given(actions)
def test_first_in_line_is_first_filled(script: list[object]) -> None:
    engine, matches, accepted = play(script)
    place = {one.order_id: number for number, one in enumerate(accepted)}
    for is_bid in (True, False):
        for price, _ in engine.levels(is_bid):
            line = [place[one] for one in engine.queue(is_bid, price)]
            assert line == sorted(line)
    by_taker: dict[str, list] = defaultdict(list)
    for match in matches:
        by_taker[match.taker.order_id].append(match)
    for group in by_taker.values():
        sign = 1 if group[0].taker.is_bid else -1
        keys = [(sign * one.yes_price_e4, place[one.maker.order_id]) for one in group]
        assert keys == sorted(keys), "better prices first, then earlier orders"


@settings(max_examples=100, deadline=None)
@given(actions)
def test_the_mirrored_market_is_exactly_the_mirror(script: list[object]) -> None:
    """Swap the tokens of every order: bids become offers at 1 - p, trade for trade."""
    mirrored = [
        action if isinstance(action, int) else ("NO" if action[0] == "YES" else "YES", *action[1:])
        for action in script
    ]
    (one, matches, _), (other, reflections, _) = play(script), play(mirrored)
    for is_bid in (True, False):
        flipped = [(PRICE_ONE_E4 - price, size) for price, size in other.levels(not is_bid)]
        assert one.levels(is_bid) == flipped
    assert [(m.maker.order_id, m.taker.order_id, m.yes_price_e4, m.size_e6) for m in matches] == [
        (m.maker.order_id, m.taker.order_id, PRICE_ONE_E4 - m.yes_price_e4, m.size_e6)
        for m in reflections
    ]


def test_changes_are_told_once_with_level_totals() -> None:
    engine = book()
    engine.submit(order("a", "YES", "BUY", 5000, 10))
    engine.submit(order("b", "NO", "SELL", 5000, 7))
    assert engine.take_changes() == [(True, 5000, 17 * E6)]
    assert engine.cancel("a") == 10 * E6
    assert engine.cancel("a") == 0
    engine.clear()
    assert engine.take_changes() == [(True, 5000, 0)]
    assert engine.take_changes() == []
