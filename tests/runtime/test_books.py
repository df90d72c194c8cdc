"""The ladder against a plain dict, and what a venue's whole book may differ in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.runtime.bookcheck import EXPLAIN_WINDOW_NS, BookCheck
from polyframe.runtime.books import MarketBook

changes = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(0, 100).map(lambda cents: cents * 100),
        st.sampled_from([0.0, 1.0, 5.5, 100.0]),
    ),
    max_size=60,
)
fine_changes = st.lists(
    st.tuples(st.booleans(), st.integers(0, 10_000), st.sampled_from([0.0, 2.0, 7.25])),
    max_size=40,
)


def built(pairs, step_e4=100):
    book = MarketBook(step_e4)
    for is_bid, price_e4, size in pairs:
        book.set_level(is_bid, price_e4, size)
    return book


@given(changes)
def test_the_ladder_is_a_dict_with_a_touch(pairs):
    plain = ({}, {})
    book = MarketBook(100)
    for is_bid, price_e4, size in pairs:
        side = plain[0 if is_bid else 1]
        assert book.set_level(is_bid, price_e4, size) == side.get(price_e4, 0.0)
        side[price_e4] = size
        if not size:
            del side[price_e4]
    bids, asks = plain
    assert book.best_bid_e4 == (max(bids) if bids else None)
    assert book.best_ask_e4 == (min(asks) if asks else None)
    assert book.levels("bid", 1000) == sorted(bids.items(), reverse=True)
    assert book.levels("ask", 1000) == sorted(asks.items())
    two_sided = bool(bids) and bool(asks) and max(bids) < min(asks)
    assert book.is_two_sided is two_sided
    assert (book.mid is not None) is two_sided
    if two_sided:
        assert book.mid == pytest.approx((max(bids) + min(asks)) / 20_000)
        assert max(bids) <= book.microprice * 10_000 + 1e-6 <= min(asks) + 1e-5
        assert book.spread_e4 == min(asks) - max(bids)


@given(fine_changes)
def test_an_off_grid_price_refines_the_grid_and_loses_nothing(pairs):
    book, fine = built(pairs, 100), built(pairs, 1)
    assert book.levels("bid", 10_001) == fine.levels("bid", 10_001)
    assert book.levels("ask", 10_001) == fine.levels("ask", 10_001)
    for side in ("bid", "ask"):
        assert book.depth_usd(side, 500) == pytest.approx(fine.depth_usd(side, 500))


@given(changes)
def test_a_mirrored_market_has_the_mirrored_book(pairs):
    book = built(pairs)
    mirrored = built([(not is_bid, 10_000 - price, size) for is_bid, price, size in pairs])
    assert mirrored.levels("ask", 1000) == [(10_000 - p, s) for p, s in book.levels("bid", 1000)]
    assert mirrored.depth_usd("ask", 300) == pytest.approx(book.depth_usd("bid", 300))
    if book.mid_e6 is not None:
        assert mirrored.mid_e6 == 1_000_000 - book.mid_e6
        assert mirrored.microprice == pytest.approx(1 - book.microprice)


def test_a_missing_side_is_missing_never_zero_or_one():
    book = built([(False, 9900, 10.0)])
    assert book.best_bid_e4 is None
    assert book.mid is None
    assert book.microprice is None
    assert book.spread_e4 is None
    assert book.best_bid_size == 0.0
    assert book.size_at("ask", 9900) == 10.0
    assert book.size_at("ask", 9950) == 0.0


def test_a_crossed_book_has_no_mid_and_a_negative_spread():
    book = built([(True, 5200, 1.0), (False, 5000, 1.0)])
    assert not book.is_two_sided
    assert book.mid is None
    assert book.spread_e4 == -200


def test_weighted_mid_golden():
    # quant.md A1.4: bid .52 x 300, ask .54 x 100 -> 0.535
    book = built([(True, 5200, 300.0), (False, 5400, 100.0)])
    assert book.microprice == pytest.approx(0.535)


def test_a_grid_must_divide_one():
    with pytest.raises(ValueError, match="divide"):
        MarketBook(3000)


BIDS, ASKS = [(5000, 10.0), (4900, 20.0), (4800, 5.0)], [(5200, 8.0), (5300, 9.0)]


def a_book():
    book = MarketBook(100)
    book.replace(BIDS, ASKS)
    return book


@pytest.mark.parametrize(
    ("bids", "asks", "expected"),
    [
        (BIDS, ASKS, "same"),
        ([(5000, 4.0), *BIDS[1:]], ASKS, "touch"),
        (BIDS[1:], ASKS, "touch"),
        ([(4900, 3.0), BIDS[2]], ASKS, "touch"),
        # the taker's rest is shown on the other side
        ([BIDS[2]], [(4900, 7.0), *ASKS], "touch"),
        ([(5200, 1.0), *BIDS], ASKS[1:], "touch"),
        # a level behind the touch shrank, or the touch grew: no trade does that
        ([BIDS[0], (4900, 1.0), BIDS[2]], ASKS, "deep"),
        ([(5000, 11.0), *BIDS[1:]], ASKS, "deep"),
        (BIDS, [*ASKS, (5400, 1.0)], "deep"),
    ],
)
def test_what_a_trade_may_change(bids, asks, expected):
    assert a_book().agreement(bids, asks) == expected


def test_a_snapshot_ahead_of_its_deltas_is_explained_by_them():
    check = BookCheck()
    ahead = [BIDS[0], (4900, 1.0), (4800, 6.0)]
    check.compare("m", a_book(), ahead, ASKS, 0)
    assert (check.checked, check.mismatched) == (1, 1)
    check.on_level("m", True, 4900, 1.0, 1000)
    assert (check.ahead, check.mismatched) == (1, 0)


def test_a_difference_nothing_explains_stays_a_mismatch():
    check = BookCheck()
    deep = [BIDS[0], (4900, 1.0), (4800, 6.0), (4000, 3.0)]
    check.compare("m", a_book(), deep, ASKS, 0)
    check.on_level("m", True, 4900, 1.0, EXPLAIN_WINDOW_NS + 1)
    check.on_level("m", True, 4800, 6.0, EXPLAIN_WINDOW_NS + 2)
    assert (check.ahead, check.mismatched) == (0, 1)


def test_touch_differences_are_counted_apart():
    check = BookCheck()
    check.compare("m", a_book(), BIDS[1:], ASKS, 0)
    assert (check.checked, check.at_touch, check.mismatched) == (1, 1, 0)
