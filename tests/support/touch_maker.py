"""A market maker at the touch of simulated markets, to see what its fills are worth later.

It joins both touches of every two-sided market with a small order, follows them, and never
crosses. Each fill is followed: the mid just before it, and the mids 10, 30 and 120 seconds later.
"""

from collections import defaultdict
from statistics import fmean, stdev

from polyframe.events import Side
from polyframe.exchange.matching import Match, NewOrder
from polyframe.exchange.recording import market_token_ids
from polyframe.exchange.simulation.source import SimulatedSource

S_NS = 10**9
SHARES_E6 = 50 * 10**6
HORIZONS_S = (0, 10, 30, 120)
OWNER = "touch"


class TouchMaker:
    """Fills of a maker at the touch, ``markouts_c[horizon_s]`` in cents a share, one per fill."""

    def __init__(self, source: SimulatedSource, every_s: float = 2.0) -> None:
        self.markouts_c: dict[int, list[float]] = {one: [] for one in HORIZONS_S}
        self._source = source
        self._every_ns = int(every_s * S_NS)
        self._orders: dict[tuple[str, bool], str] = {}
        self._placed = 0
        self._mids: dict[str, float] = {}
        self._due: dict[int, list[tuple[str, int, float, int]]] = defaultdict(list)
        source.listener = self

    def matched(self, market_id: str, matches: tuple[Match, ...], now_ns: int) -> None:
        for match in matches:
            if match.maker.owner != OWNER or market_id not in self._mids:
                continue
            sign, price_c = (1 if match.maker.is_bid else -1), match.yes_price_e4 / 100
            self.markouts_c[0].append(sign * (self._mids[market_id] - price_c))
            for horizon_s in HORIZONS_S[1:]:
                turn = (now_ns + horizon_s * S_NS) // self._every_ns + 1
                self._due[turn].append((market_id, sign, price_c, horizon_s))

    def removed(self, market_id, order_ids, status, now_ns) -> None:
        pass

    def resolved(self, market_id, payouts_e6, now_ns) -> None:
        pass

    def run(self, seconds: float, kinds: tuple[str, ...] = ()) -> None:
        """Quote for some seconds, in markets of these kinds (all by default)."""
        source, now_ns = self._source, self._source.start_ns
        chosen = [one for one in source._markets if not kinds or one.listing.kind in kinds]
        ids = [one.market_id for one in chosen if one.character.book == "two_sided"]
        end_ns = now_ns + int(seconds * S_NS)
        while now_ns < end_ns:
            now_ns += self._every_ns
            while source.advance(now_ns, 5_000):
                pass
            self._settle(now_ns // self._every_ns)
            for market_id in ids:
                self._follow(market_id, now_ns)

    def _settle(self, turn: int) -> None:
        for market_id, sign, price_c, horizon_s in self._due.pop(turn, ()):
            mid_c = self._mid_c(market_id)
            if mid_c is not None:
                self.markouts_c[horizon_s].append(sign * (mid_c - price_c))

    def _mid_c(self, market_id: str) -> float | None:
        book = self._source.matching_book(market_id)
        bid, ask = book.best_bid_e4, book.best_ask_e4
        return None if bid is None or ask is None else (bid + ask) / 200

    def _follow(self, market_id: str, now_ns: int) -> None:
        book = self._source.matching_book(market_id)
        mid_c = self._mid_c(market_id)
        if mid_c is None:
            self._mids.pop(market_id, None)
            return
        for is_bid in (True, False):
            touch = book.best_bid_e4 if is_bid else book.best_ask_e4
            order_id = self._orders.get((market_id, is_bid), "")
            resting = book.resting(order_id)
            if resting is not None and resting.yes_price_e4 == touch:
                continue
            if resting is not None:
                self._source.cancel(market_id, order_id, now_ns)
                touch = book.best_bid_e4 if is_bid else book.best_ask_e4
            if touch is None:
                continue
            self._placed += 1
            order_id = self._orders[market_id, is_bid] = f"touch-{self._placed}"
            side = Side.BUY if is_bid else Side.SELL
            order = NewOrder(order_id, OWNER, True, side, touch, SHARES_E6, post_only=True)
            self._source.submit(market_id, order, now_ns)
        after_c = self._mid_c(market_id)
        if after_c is not None:
            self._mids[market_id] = after_c

    def mean_c(self, horizon_s: int) -> tuple[float, float]:
        """Mean and standard error, in cents a share."""
        values = self.markouts_c[horizon_s]
        return fmean(values), stdev(values) / len(values) ** 0.5


def tokens_by_market(source: SimulatedSource) -> dict[str, list[str]]:
    return {one["conditionId"]: market_token_ids(one) for one in source.markets()}
