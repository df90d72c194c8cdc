"""The feed less our own size is the book of everybody else, to the micro-share, at any moment."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe.events import BestBidAsk, BookSnapshot, PriceChange
from polyframe.exchange.wire import encode, socket_book
from polyframe.polymarket.codec import decode
from polyframe.polymarket.gamma_market import parse_market
from polyframe.validation.own_size import OwnSize
from polyframe.validation.public_view import PublicView
from polyframe.validation.real_orders import OWNER, RealOrders
from polyframe.validation.scripted_maker import ScriptedMaker, is_quotable
from polyframe.validation.study import simulated

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover

MINUTE_NS = 60 * 10**9


def others(book, is_bid):
    """The levels of everybody but us, by walking the true queue."""
    found = {}
    for price, _ in book.levels(is_bid):
        size_e6 = sum(
            resting.leaves_e6
            for order_id in book.queue(is_bid, price)
            if (resting := book.resting(order_id)).order.owner != OWNER
        )
        if size_e6:
            found[price] = size_e6
    return found


def shown(market, is_bid):
    side = "bid" if is_bid else "ask"
    return {p: round(s * 1e6) for p, s in market.book.levels(side, 10_000)}


@pytest.mark.parametrize("traders", ["busy", "in_play"])
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_is_left_is_the_book_of_all_others(traders, seed):
    source = simulated(seed, traders)
    specs = [spec for spec in map(parse_market, source.markets()) if not isinstance(spec, str)]
    view = PublicView(specs)
    own = OwnSize(view)
    real = RealOrders(source, own)
    now_ns = source.start_ns
    for spec in specs:
        for token_id in spec.token_ids:
            book = source.book(token_id)
            for event in decode(encode(socket_book(book)), now_ns):
                own.strip(event)
    rng, maker = Random(seed), ScriptedMaker(Random(seed))
    live, ours_e6 = [], 0
    for _ in range(12):
        for market in view.markets.values():
            if is_quotable(market, now_ns) and rng.random() < 0.5:
                orders = maker.orders(market, "c", now_ns, MINUTE_NS)
                for order in orders:
                    real.place(order, now_ns)
                live += orders
        for order in rng.sample(live, len(live) // 2):
            real.cancel(order, now_ns)
        now_ns += MINUTE_NS
        while frames := source.advance(now_ns, 1):
            for frame in frames:
                for event in decode(frame.payload, frame.ts_ns):
                    told = own.strip(event)
                    market = view.markets.get(getattr(told, "market_id", ""))
                    if market is not None and isinstance(told, BestBidAsk):
                        is_yes = told.token_id == market.spec.token_ids[0]
                        bid, ask = market.book.best_bid_e4, market.book.best_ask_e4
                        yes = (told.best_bid_e4, told.best_ask_e4)
                        assert not is_yes or yes == (bid, ask)
                    if market is not None and isinstance(told, PriceChange | BookSnapshot):
                        ours_e6 += told != event
        for market_id, market in view.markets.items():
            for is_bid in (True, False):
                truth = others(source.matching_book(market_id), is_bid)
                assert shown(market, is_bid) == truth
    assert ours_e6, "nothing of ours was ever on the feed: the test would prove nothing"
