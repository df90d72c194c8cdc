"""What the paper venue knows of one market: book, recent touch, volume, own orders.

A market without own orders keeps its book and its hourly volume and nothing else.
"""

from __future__ import annotations

from collections import deque

from polyframe.events import Side
from polyframe.model import BookSide, FeeSchedule, MarketSpec
from polyframe.money import PRICE_ONE_E4
from polyframe.runtime.books import MarketBook
from polyframe.runtime.paper.queue_model import PROFILES, QueuedOrder, displayed_e6

HOUR_NS = 3600 * 10**9
Level = tuple[bool, int]


class LevelWatch:
    """Size drops and prints of one level that may explain each other (R6).

    ``drops`` are ``[number, micro-shares not yet explained]``, ``prints`` are
    ``[receipt ns, micro-shares not yet matched to a drop]``.
    """

    __slots__ = ("drops", "orders", "prints")

    def __init__(self) -> None:
        self.drops: deque[list[int]] = deque()
        self.prints: deque[list[int]] = deque()
        self.orders = 0

    def explain_by_print(self, size_e6: int, ts_ns: int) -> None:
        """A print happened here: it explains waiting drops, the rest explains later ones."""
        for drop in self.drops:
            explained = min(drop[1], size_e6)
            drop[1] -= explained
            size_e6 -= explained
        if size_e6 > 0:
            self.prints.append([ts_ns, size_e6])

    def unexplained(self, drop_e6: int, ts_ns: int, window_ns: int) -> int:
        """Return what of a drop the prints of the last ``window_ns`` do not explain."""
        prints = self.prints
        while prints and prints[0][0] < ts_ns - window_ns:
            prints.popleft()
        for printed in prints:
            explained = min(printed[1], drop_e6)
            printed[1] -= explained
            drop_e6 -= explained
        return drop_e6


class RollingVolume:
    """Micro-shares of the trailing hour."""

    __slots__ = ("_entries", "_total_e6")

    def __init__(self) -> None:
        self._entries: deque[tuple[int, int]] = deque()
        self._total_e6 = 0

    def add(self, ts_ns: int, size_e6: int) -> None:
        """Count a trade; forget what is an hour old."""
        self._entries.append((ts_ns, size_e6))
        self._total_e6 += size_e6
        self.total_e6(ts_ns)

    def total_e6(self, ts_ns: int) -> int:
        """Return the volume of ``(ts_ns - 1 h, ts_ns]``."""
        entries = self._entries
        while entries and entries[0][0] <= ts_ns - HOUR_NS:
            self._total_e6 -= entries.popleft()[1]
        return self._total_e6


class PaperMarket:
    """One market's state; ``venue`` decides, this remembers.

    Args:
        spec: the market as the venue described it first.
    """

    __slots__ = (
        "_prints",
        "_touches",
        "arriving",
        "book",
        "consumed_e6",
        "fees",
        "is_accepting",
        "is_book_known",
        "is_closed",
        "levels",
        "market_id",
        "min_size_e6",
        "orders",
        "own_volume",
        "proof_ns",
        "settling",
        "spec",
        "tick_e4",
        "token_ids",
        "volume",
    )

    def __init__(self, spec: MarketSpec) -> None:
        self.spec = spec
        self.market_id = spec.market_id
        self.token_ids = spec.token_ids
        self.tick_e4 = spec.tick_e4
        self.min_size_e6 = spec.min_size_e6
        self.fees: FeeSchedule = spec.fees
        self.is_accepting = spec.accepting_orders
        self.is_closed = spec.closed
        self.book = MarketBook(spec.tick_e4)
        self.is_book_known = False
        self.proof_ns: int | None = None
        self.orders: dict[str, QueuedOrder] = {}
        self.arriving: dict[str, QueuedOrder] = {}
        # Ended orders whose cross fill has not met its print yet.
        self.settling: list[QueuedOrder] = []
        self.levels: dict[Level, LevelWatch] = {}
        # Displayed shares already used by cross fills, per profile and level of the other side.
        self.consumed_e6: tuple[dict[Level, int], ...] = tuple({} for _ in PROFILES)
        self.volume = RollingVolume()
        self.own_volume = tuple(RollingVolume() for _ in PROFILES)
        self._touches: deque[tuple[int, int | None, int | None]] = deque()
        self._prints: deque[tuple[int, tuple[int, int, int, str], str, Side]] = deque()

    @property
    def is_watched(self) -> bool:
        """Whether an own order rests here, is on its way or still waits for a print."""
        return bool(self.orders or self.arriving or self.settling)

    def yes_price_e4(self, token_id: str, price_e4: int) -> int:
        """Return a token's price in YES space."""
        return price_e4 if token_id == self.token_ids[0] else PRICE_ONE_E4 - price_e4

    # --- book ----------------------------------------------------------------------------

    def displayed_e6(self, is_bid: bool, yes_price_e4: int) -> int:
        """Return what the public book shows at a level, own orders not included."""
        side: BookSide = "bid" if is_bid else "ask"
        return displayed_e6(self.book.size_at(side, yes_price_e4))

    def forget_book(self) -> None:
        """Nothing is known any more: no inference from the book until the next snapshot."""
        self.is_book_known = False
        self.proof_ns = None
        self._touches.clear()
        for watch in self.levels.values():
            watch.drops.clear()
            watch.prints.clear()
        for order in self.orders.values():
            order.cross_waiting = False
        for consumed in self.consumed_e6:
            consumed.clear()

    def would_cross(self, order: QueuedOrder) -> bool:
        """R1: whether an arriving order is marketable; locked counts, own orders count."""
        price = order.yes_price_e4
        if order.is_bid:
            public = self.book.best_ask_e4
            own = [o.yes_price_e4 for o in self.orders.values() if not o.is_bid]
            best = min(own if public is None else [*own, public], default=None)
            return best is not None and price >= best
        public = self.book.best_bid_e4
        own = [o.yes_price_e4 for o in self.orders.values() if o.is_bid]
        best = max(own if public is None else [*own, public], default=None)
        return best is not None and price <= best

    def note_touch(self, ts_ns: int) -> None:
        """Remember the touch for the side inference of the next pairing window."""
        bid, ask = self.book.best_bid_e4, self.book.best_ask_e4
        if not self._touches or self._touches[-1][1:] != (bid, ask):
            self._touches.append((ts_ns, bid, ask))

    def sides_of(self, price_e4: int, ts_ns: int, window_ns: int) -> tuple[bool, bool]:
        """Say whether a print can have hit bids, and whether it can have lifted asks.

        At or below the best bid a print can only have hit bids, at or above the best ask
        only lifted asks. The best touch of the pairing window counts, because the book
        change of a trade may arrive before its print. The feed's taker side is not used:
        it agrees with the chain 59 % of the time (quant.md 0.3).
        """
        touches = self._touches
        while len(touches) > 1 and touches[1][0] <= ts_ns - window_ns:
            touches.popleft()
        if not self.is_book_known:
            return False, False
        hits_bids = any(bid is not None and price_e4 <= bid for _, bid, _ in touches)
        lifts_asks = any(ask is not None and price_e4 >= ask for _, _, ask in touches)
        return hits_bids, lifts_asks

    def crossing_e6(self, order: QueuedOrder, profile: int) -> int:
        """Return the displayed size that crosses our price and is free for us (R5).

        What a cross fill already used is taken off, and so are the public shares in front:
        those displayed at better prices, and the queue ahead at ours.
        """
        total = 0
        consumed = self.consumed_e6[profile]
        for level, shown_e6 in self.takeable(order):
            total += max(0, shown_e6 - consumed.get(level, 0))
        if not total:
            return 0
        shown = self.displayed_e6(order.is_bid, order.yes_price_e4)
        in_front = min(order.ahead_e6[profile], shown)
        return max(0, total - in_front - self._better_e6(order))

    def _better_e6(self, order: QueuedOrder) -> int:
        """Return the public shares displayed on our side at better prices than ours."""
        price = order.yes_price_e4
        best = self.book.best_bid_e4 if order.is_bid else self.book.best_ask_e4
        if best is None or (best <= price if order.is_bid else best >= price):
            return 0
        side: BookSide = "bid" if order.is_bid else "ask"
        count = abs(price - best) // self.book.step_e4 + 1
        return sum(
            displayed_e6(shares)
            for level_e4, shares in self.book.levels(side, count)
            if (level_e4 > price if order.is_bid else level_e4 < price)
        )

    def consume_crossing(self, order: QueuedOrder, profile: int, size_e6: int) -> None:
        """Mark displayed shares of the other side as used, best price first."""
        consumed = self.consumed_e6[profile]
        for level, shown_e6 in self.takeable(order):
            used = consumed.get(level, 0)
            taken = min(max(0, shown_e6 - used), size_e6)
            if taken:
                consumed[level] = used + taken
                size_e6 -= taken

    def takeable(self, order: QueuedOrder) -> list[tuple[Level, int]]:
        """Return the other side's levels at the order's price or better, best first."""
        price = order.yes_price_e4
        best = self.book.best_ask_e4 if order.is_bid else self.book.best_bid_e4
        if best is None or (best > price if order.is_bid else best < price):
            return []
        side: BookSide = "ask" if order.is_bid else "bid"
        count = abs(price - best) // self.book.step_e4 + 1
        return [
            ((not order.is_bid, level_e4), displayed_e6(shares))
            for level_e4, shares in self.book.levels(side, count)
            if (level_e4 <= price if order.is_bid else level_e4 >= price)
        ]

    def trim_consumed(self) -> None:
        """What left the display cannot be used up any more: if it returns, it is new."""
        for consumed in self.consumed_e6:
            if consumed:
                for level in list(consumed):
                    left = min(consumed[level], self.displayed_e6(*level))
                    if left:
                        consumed[level] = left
                    else:
                        del consumed[level]

    # --- own orders ----------------------------------------------------------------------

    def watch(self, order: QueuedOrder) -> None:
        """Follow the order's level from now on."""
        self.levels.setdefault((order.is_bid, order.yes_price_e4), LevelWatch()).orders += 1

    def unwatch(self, order: QueuedOrder) -> None:
        """Stop following it; the last order of a level takes the level's memory with it."""
        level = (order.is_bid, order.yes_price_e4)
        watch = self.levels[level]
        watch.orders -= 1
        if not watch.orders:
            del self.levels[level]
        self._rest()

    def forget(self, order: QueuedOrder) -> None:
        """Give up waiting for the print of an ended order's cross fill."""
        self.settling.remove(order)
        self._rest()

    def _rest(self) -> None:
        if not self.is_watched:
            self._touches.clear()

    def queue(self, is_bid: bool) -> list[QueuedOrder]:
        """Return one side's own orders by priority, ended ones with an open cross credit too."""
        orders = [o for o in self.orders.values() if o.is_bid == is_bid]
        orders += [o for o in self.settling if o.is_bid == is_bid]
        return sorted(orders, key=lambda o: o.priority)

    # --- prints --------------------------------------------------------------------------

    def is_duplicate(
        self,
        ts_ns: int,
        key: tuple[int, int, int, str],
        token_id: str,
        taker_side: Side,
        window_ns: int,
    ) -> bool:
        """Whether this print was seen within the pairing window, on either token.

        ``key`` is (YES price, size, venue ms, transaction hash). On the same token the
        taker side must agree too; the other token's copy is the mirror whatever it says.
        """
        prints = self._prints
        while prints and prints[0][0] < ts_ns - window_ns:
            prints.popleft()
        for _, seen, seen_token, seen_side in prints:
            if seen == key and (seen_token != token_id or seen_side == taker_side):
                return True
        prints.append((ts_ns, key, token_id, taker_side))
        return False

    def room_e6(self, profile: int, ts_ns: int, participation: float) -> int:
        """Return what R14 still lets a profile fill, given the trailing hour."""
        most = int(self.volume.total_e6(ts_ns) * participation)
        return max(0, most - self.own_volume[profile].total_e6(ts_ns))
