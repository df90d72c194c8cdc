"""Somebody steps in front of a real order at the touch; of paper orders nobody knows."""

from __future__ import annotations

import copy

from polyframe.events import Side
from polyframe.exchange.matching import NewOrder
from polyframe.settings import PaperSettings
from polyframe.validation.comparison import compare
from polyframe.validation.real_orders import OWNER
from polyframe.validation.study import Plan, compared, simulated, undercutting

S_NS = 10**9


def roomy(source):
    """A market whose spread has room for two more orders, and its book."""
    for market in source.markets():
        book = source.matching_book(market["conditionId"])
        bid, ask = book.best_bid_e4, book.best_ask_e4
        if bid is not None and ask is not None and ask - bid >= 4 * book.tick_e4:
            return market["conditionId"], book
    raise AssertionError("no market has room")


def ours(book, order_id="ours"):
    """An order that improves the bid by a tick."""
    price_e4 = book.best_bid_e4 + book.tick_e4
    return NewOrder(order_id, OWNER, True, Side.BUY, price_e4, 20_000_000, post_only=True)


def advanced(source, to_ns):
    frames = []
    while found := source.advance(to_ns, 1):
        frames += found
    return frames


def outbids(book):
    return [one for one in book.orders() if one.order.owner == "outbidder"]


def test_an_order_at_the_touch_is_outbid_and_the_outbid_leaves_with_it():
    source = undercutting(4, "in_play")
    market_id, book = roomy(source)
    order = ours(book)
    now_ns = source.start_ns
    assert source.submit(market_id, order, now_ns).resting_e6 == order.size_e6
    advanced(source, now_ns + S_NS // 4)
    assert not outbids(book)
    frames = advanced(source, now_ns + S_NS // 2)
    (outbid,) = outbids(book)
    assert outbid.yes_price_e4 == order.price_e4 + book.tick_e4
    assert outbid.leaves_e6 == 50_000_000
    assert frames  # everybody sees it
    source.cancel(market_id, order.order_id, now_ns + S_NS // 2)
    advanced(source, now_ns + 2 * S_NS)
    assert not outbids(book)


def test_nobody_is_outbid_without_an_order_of_ours():
    plain, watched = simulated(4, "in_play"), undercutting(4, "in_play")
    to_ns = plain.start_ns + 600 * S_NS
    assert advanced(plain, to_ns) == advanced(copy.deepcopy(watched), to_ns)


def test_paper_does_not_know_that_its_orders_would_be_outbid():
    plan = Plan(orders=200, seed=3, settings=PaperSettings())
    rates = {}
    for make_source in (simulated, undercutting):
        rows = [row for some in compared(plan, "calm", make_source) for row in some]
        views = compare("calm", rows).views
        rates[make_source] = {view: views[view]["base"].fill_ratio.value for view in views}
    # Beside a real order paper sees who stands in front; alone it claims what was lost to him.
    assert rates[undercutting]["twin"] < 1.05
    assert rates[undercutting]["apart"] > rates[simulated]["apart"] + 0.05
