"""The feed less our own orders: what production subtracts before it looks at a book.

The venue's book shows our resting orders like anybody's. Whoever wants to know what a paper order
would see beside a real one has to take the real one out of every level (quant.md A2.4 R2).
"""

from __future__ import annotations

from collections import deque

from msgspec.structs import replace

from polyframe.events import BestBidAsk, BookSnapshot, Event, LevelChange, PriceChange, TradePrint
from polyframe.money import PRICE_ONE_E4
from polyframe.validation.public_view import PublicMarket, PublicView

_Level = tuple[bool, int]


class OwnSize:
    """Takes our displayed size out of a feed, event by event.

    The caller owes: :meth:`rest` and :meth:`leave` before the frames that show the change, and
    :meth:`matched` for every match of the exchange, ours or not. One match is one print, and at
    our print our size at that level falls, as a fill message would tell us.

    Args:
        view: what is left is told to it; it is where the touches come from.
    """

    def __init__(self, view: PublicView) -> None:
        self.view = view
        self._own_e6: dict[str, dict[_Level, int]] = {}
        self._matches: dict[str, deque[tuple[_Level, int] | None]] = {}

    def rest(self, market_id: str, is_bid: bool, yes_price_e4: int, size_e6: int) -> None:
        """Our order rests from now on."""
        levels = self._own_e6.setdefault(market_id, {})
        level = (is_bid, yes_price_e4)
        levels[level] = levels.get(level, 0) + size_e6

    def leave(self, market_id: str, is_bid: bool, yes_price_e4: int, size_e6: int) -> None:
        """So much of ours does not rest any more."""
        levels = self._own_e6[market_id]
        level = (is_bid, yes_price_e4)
        levels[level] -= size_e6
        if not levels[level]:
            del levels[level]

    def matched(self, market_id: str, ours: tuple[bool, int, int] | None) -> None:
        """A match was made: ``(is_bid, yes_price_e4, size_e6)`` of our order, None of others'."""
        if market_id not in self.view.markets:
            return  # its prints are passed over as well
        entry = None if ours is None else (ours[:2], ours[2])
        self._matches.setdefault(market_id, deque()).append(entry)

    def strip(self, event: Event) -> Event:
        """Return the event as it would be without our orders on the book; the view knows it."""
        market_id = getattr(event, "market_id", "")
        market = self.view.markets.get(market_id)
        if market is None:
            return event
        own = self._own_e6.get(market_id, {})
        if isinstance(event, TradePrint):
            met = self._matches[market_id].popleft()
            if met is not None:
                (is_bid, price_e4), size_e6 = met
                self.leave(market_id, is_bid, price_e4, size_e6)
            return event
        if isinstance(event, PriceChange):
            event = replace(event, changes=tuple(_less(c, market, own) for c in event.changes))
            self.view.observe(event)
            return replace(event, changes=tuple(_with_touch(c, market) for c in event.changes))
        if isinstance(event, BookSnapshot):
            event = _book_less(event, market, own)
        self.view.observe(event)
        if isinstance(event, BestBidAsk):
            bid, ask = _touch(market, event.token_id)
            event = replace(event, best_bid_e4=bid, best_ask_e4=ask)
        return event


def _left(shares: float, own_e6: int) -> float:
    return max(0, round(shares * 1e6) - own_e6) / 1e6


def _less(change: LevelChange, market: PublicMarket, own: dict[_Level, int]) -> LevelChange:
    is_yes = change.token_id == market.spec.token_ids[0]
    level = (change.is_bid == is_yes, _yes(change.price_e4, is_yes))
    own_e6 = own.get(level, 0)
    return replace(change, size=_left(change.size, own_e6)) if own_e6 else change


def _with_touch(change: LevelChange, market: PublicMarket) -> LevelChange:
    bid, ask = _touch(market, change.token_id)
    if (change.best_bid_e4, change.best_ask_e4) == (bid, ask):
        return change
    return replace(change, best_bid_e4=bid, best_ask_e4=ask)


def _book_less(event: BookSnapshot, market: PublicMarket, own: dict[_Level, int]) -> BookSnapshot:
    if not own:
        return event
    is_yes = event.token_id == market.spec.token_ids[0]
    sides = []
    for is_token_bid, levels in ((True, event.bids), (False, event.asks)):
        is_bid = is_token_bid == is_yes
        left = [(p, _left(s, own.get((is_bid, _yes(p, is_yes)), 0))) for p, s in levels]
        sides.append(tuple(level for level in left if level[1] > 0.0))
    return replace(event, bids=sides[0], asks=sides[1])


def _touch(market: PublicMarket, token_id: str) -> tuple[int | None, int | None]:
    bid, ask = market.book.best_bid_e4, market.book.best_ask_e4
    if token_id == market.spec.token_ids[0]:
        return bid, ask
    return (
        None if ask is None else PRICE_ONE_E4 - ask,
        None if bid is None else PRICE_ONE_E4 - bid,
    )


def _yes(price_e4: int, is_yes: bool) -> int:
    return price_e4 if is_yes else PRICE_ONE_E4 - price_e4
