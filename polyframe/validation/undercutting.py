"""A crowd that steps in front of us: what paper mode cannot see, because nobody reacts to paper.

The simulated makers quote around their own estimate and do not care who stands at the touch. On
the venue others do: an order at the touch is outbid by a tick, so it is reached last, and mostly
when its level breaks. This exchange adds that reaction to our real orders alone.
"""

from __future__ import annotations

from heapq import heappop, heappush

from polyframe.events import Side
from polyframe.exchange.matching import Execution, NewOrder
from polyframe.exchange.simulation.profiles import ProfileName
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.source import Frame
from polyframe.money import SHARE_E6

_REACTION_NS = 300_000_000
_AGAIN_NS = 1_000_000_000
_LEAST_E6 = 50 * SHARE_E6


class Undercut(SimulatedSource):
    """A simulated exchange on which somebody outbids an order of ours that is at the touch.

    0.3 s after it rests, and every second from then on, whoever finds it at its side's touch
    places at least as many shares (50 or more) a tick better, where the spread has room; the
    order that outbids leaves within a second of ours.

    Args:
        seed, markets, activity, start_ns, profile: see
            :class:`~polyframe.exchange.simulation.source.SimulatedSource`.
        owner: whose orders are outbid.
    """

    def __init__(
        self,
        seed: int,
        markets: int,
        activity: float,
        start_ns: int,
        *,
        profile: ProfileName,
        owner: str,
    ) -> None:
        super().__init__(seed, markets, activity, start_ns, profile=profile)
        self._outbid_owner = owner
        self._looks: list[tuple[int, int, str, str]] = []
        self._pushed = 0
        self._outbids: dict[str, str] = {}

    def submit(self, market_id: str, order: NewOrder, now_ns: int) -> Execution:
        """Match an order; one of the watched owner's is looked at soon."""
        execution = super().submit(market_id, order, now_ns)
        if order.owner == self._outbid_owner and execution.resting_e6:
            self._look_at(now_ns + _REACTION_NS, market_id, order.order_id)
        return execution

    def advance(self, to_ns: int, most: int) -> list[Frame]:
        """Process what is due up to ``to_ns``, looks at orders included."""
        while self._looks and self._looks[0][0] <= to_ns:
            due_ns = self._looks[0][0]
            frames = super().advance(due_ns, most)
            if frames:
                return frames
            _, _, market_id, order_id = heappop(self._looks)
            self._look(market_id, order_id, due_ns)
        return super().advance(to_ns, most)

    def _look_at(self, due_ns: int, market_id: str, order_id: str) -> None:
        self._pushed += 1
        heappush(self._looks, (due_ns, self._pushed, market_id, order_id))

    def _look(self, market_id: str, order_id: str, now_ns: int) -> None:
        book = self.matching_book(market_id)
        outbid_id = self._outbids.get(order_id, "")
        ours = book.resting(order_id)
        if ours is None:
            self.cancel(market_id, outbid_id, now_ns)
            self._outbids.pop(order_id, None)
            return
        self._look_at(now_ns + _AGAIN_NS, market_id, order_id)
        bid, ask = book.best_bid_e4, book.best_ask_e4
        if book.resting(outbid_id) is not None or bid is None or ask is None:
            return
        is_bid = ours.order.is_bid
        better_e4 = ours.yes_price_e4 + (book.tick_e4 if is_bid else -book.tick_e4)
        is_at_touch = ours.yes_price_e4 == (bid if is_bid else ask)
        if not is_at_touch or not bid < better_e4 < ask:
            return
        self._outbids[order_id] = f"{order_id}-outbid-{self._pushed}"
        self.submit(
            market_id,
            NewOrder(
                self._outbids[order_id], "outbidder", True, Side.BUY if is_bid else Side.SELL,
                better_e4, max(ours.leaves_e6, _LEAST_E6), post_only=True,
            ),
            now_ns,
        )  # fmt: skip
