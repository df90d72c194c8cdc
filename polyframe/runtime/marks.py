"""What a holding is worth: the mid, or the one side there is, said so."""

from __future__ import annotations

from polyframe.runtime.markets import Market
from polyframe.runtime.portfolio import Portfolio


def mark_to_book(portfolio: Portfolio, market: Market, one_sided_offset_e6: int) -> None:
    """Set a market's mark from its book (mission.md 3.2).

    With one side only the mark is that side, moved inside by the profile's offset, and
    flagged. A profile without an offset keeps the last mark and flags it: an offer nobody
    bids for is no value. A crossed or empty book moves nothing: the last mark stands.
    """
    book = market.book
    mid_e6 = book.mid_e6
    if mid_e6 is not None:
        portfolio.mark(market.market_id, mid_e6)
        return
    bid_e4, ask_e4 = book.best_bid_e4, book.best_ask_e4
    mark_e6: int | None = None
    if not one_sided_offset_e6 and (bid_e4 is None) is not (ask_e4 is None):
        mark_e6 = portfolio.mark_e6(market.market_id)
    elif bid_e4 is not None and ask_e4 is None:
        mark_e6 = min(bid_e4 * 100 + one_sided_offset_e6, 1_000_000)
    elif ask_e4 is not None and bid_e4 is None:
        mark_e6 = max(ask_e4 * 100 - one_sided_offset_e6, 0)
    if mark_e6 is not None:
        portfolio.mark(market.market_id, mark_e6, flag="one-sided book")
