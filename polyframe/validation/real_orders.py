"""Our orders on the exchange itself, matched with the crowd by true price-time priority."""

from __future__ import annotations

from collections.abc import Sequence

from polyframe.exchange.matching import Match, NewOrder
from polyframe.exchange.source import TradableSource
from polyframe.validation.outcomes import CommandTimes, Fill, Outcome, outcome_of
from polyframe.validation.own_size import OwnSize
from polyframe.validation.public_view import PublicMarket
from polyframe.validation.scripted_maker import ShadowOrder

OWNER = "shadow"


class RealOrders:
    """Sends orders and hears of their matches (:class:`~polyframe.exchange.source.MatchListener`).

    Args:
        source: the exchange; this becomes its listener.
        own: told of every change of our resting size.
    """

    def __init__(self, source: TradableSource, own: OwnSize) -> None:
        self._source = source
        self._own = own
        self._orders: dict[str, ShadowOrder] = {}
        self._effective_ns: dict[str, int] = {}
        self._ended_ns: dict[str, int] = {}
        self._left_e6: dict[str, int] = {}
        self._fills: dict[str, list[Fill]] = {}
        self._removed: set[str] = set()
        source.listener = self

    def place(self, order: ShadowOrder, now_ns: int) -> None:
        """Let an order arrive; what would cross is refused and stays unfilled."""
        self._orders[order.order_id] = order
        execution = self._source.submit(
            order.market_id,
            NewOrder(
                order.order_id, OWNER, order.is_yes, order.side, order.price_e4, order.size_e6,
                post_only=True,
            ),
            now_ns,
        )  # fmt: skip
        if execution.rejection:
            return
        self._effective_ns[order.order_id] = now_ns
        self._left_e6[order.order_id] = order.size_e6
        self._own.rest(order.market_id, order.is_bid, order.yes_price_e4, order.size_e6)

    def cancel(self, order: ShadowOrder, now_ns: int) -> None:
        """Let a cancel arrive; it does nothing where nothing is left."""
        self._gone(order, self._source.cancel(order.market_id, order.order_id, now_ns), now_ns)

    def _gone(self, order: ShadowOrder, left_e6: int, now_ns: int) -> None:
        if left_e6:
            self._own.leave(order.market_id, order.is_bid, order.yes_price_e4, left_e6)
            self._ended_ns[order.order_id] = now_ns

    def outcome(self, order: ShadowOrder, market: PublicMarket, times: CommandTimes) -> Outcome:
        """Return what became of an order."""
        order_id = order.order_id
        return outcome_of(
            order,
            market,
            times,
            self._effective_ns.get(order_id),
            self._ended_ns.get(order_id),
            self._fills.get(order_id, ()),
            is_removed=order_id in self._removed,
        )

    # --- MatchListener -----------------------------------------------------------------

    def matched(self, market_id: str, matches: tuple[Match, ...], now_ns: int) -> None:
        """Note our fills, in the order of the prints that will tell of them."""
        for match in matches:
            if match.maker.owner != OWNER:
                self._own.matched(market_id, None)
                continue
            order_id = match.maker.order_id
            self._own.matched(market_id, (match.maker.is_bid, match.yes_price_e4, match.size_e6))
            self._fills.setdefault(order_id, []).append(
                Fill(now_ns, match.size_e6, match.yes_price_e4)
            )
            self._left_e6[order_id] -= match.size_e6
            if not self._left_e6[order_id]:
                self._ended_ns[order_id] = now_ns

    def removed(self, market_id: str, order_ids: Sequence[str], status: str, now_ns: int) -> None:
        """The venue took orders off the book."""
        for order_id in order_ids:
            if order_id in self._left_e6:
                self._removed.add(order_id)
                self._gone(self._orders[order_id], self._left_e6[order_id], now_ns)

    def resolved(self, market_id: str, payouts_e6: tuple[int, int], now_ns: int) -> None:
        """Nothing is settled here: an outcome ends with its fills."""
