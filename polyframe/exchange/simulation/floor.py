"""Where the orders of a simulated universe meet their markets, whoever sends them.

The floor knows the time, collects the frames and tells the listener; traders and lifecycle act
through it.
"""

from __future__ import annotations

import math

from polyframe.exchange.matching import Execution, NewOrder
from polyframe.exchange.simulation.market import SimulatedMarket
from polyframe.exchange.simulation.schedule import Agenda, Step
from polyframe.exchange.source import Frame, MatchListener
from polyframe.money import SHARE_E6, notional_e12

_S_NS = 10**9
_FINE_TICK_E4 = 10
_UPPER_E4, _LOWER_E4 = 9_600, 400  # beyond these the venue refines the tick (venue.md 4.1)
_REACTION_S = 0.9
# The venue's words for an order on a market that takes none (venue.md 2.9).
_NOT_READY = "the market is not yet ready to process new orders"


class Floor:
    """The shared part of a simulated universe.

    ``now_ns`` is market time; ``frames`` collects what the market channel says; ``listener`` is
    told what happens to orders.
    """

    def __init__(self, start_ns: int) -> None:
        self.now_ns = start_ns
        self.agenda = Agenda()
        self.frames: list[Frame] = []
        self.listener: MatchListener | None = None

    def after(self, market: SimulatedMarket, mean_s: float, step: Step, argument: str = "") -> None:
        """Let a step come after an exponential wait; never for a mean of 0 or infinity."""
        if 0.0 < mean_s < math.inf:
            delay_s = market.rng.expovariate(1.0 / mean_s)
            self.agenda.push(self.now_ns + int(delay_s * _S_NS) + 1, market.index, step, argument)

    def execute(self, market: SimulatedMarket, order: NewOrder) -> Execution:
        """Match an order, rest what is left of it, and let everybody know."""
        if not market.is_accepting:
            return Execution(rejection=_NOT_READY)
        execution = market.book.submit(order)
        for match in execution.matches:
            market.traded_e12 += notional_e12(match.yes_price_e4, match.size_e6)
            sign = 1 if match.maker.is_bid else -1
            market.record_flow(-sign * match.size_e6 / SHARE_E6, self.now_ns)
            for place, maker in enumerate(market.makers):
                if maker.owner == match.maker.owner:
                    maker.inventory_e6 += sign * match.size_e6
                    self.after(market, _REACTION_S, Step.REACT, market.phased(place))
                elif maker.owner == match.taker.owner:
                    maker.inventory_e6 -= sign * match.size_e6
        self.publish(market, order.order_id, execution)
        if execution.matches:
            if self.listener is not None:
                self.listener.matched(market.market_id, execution.matches, self.now_ns)
            self.refine_tick(market)
        return execution

    def publish(
        self, market: SimulatedMarket, order_id: str = "", execution: Execution | None = None
    ) -> None:
        """Say what has changed in a market's book since the last time."""
        matches = () if execution is None else execution.matches
        self.frames += market.publisher.publish(matches, order_id, self.now_ns)

    def cancel(self, market: SimulatedMarket, order_id: str) -> int:
        """Take an order off the book and say so; return the micro-shares that were left."""
        left_e6 = market.book.cancel(order_id)
        if left_e6:
            self.publish(market, order_id)
        return left_e6

    def clear(self, market: SimulatedMarket, status: str) -> None:
        """Empty a book as the venue does; ``status`` is what it calls the orders' end."""
        removed = market.book.clear()
        for maker in market.makers:
            maker.order_ids.clear()
        self.publish(market)
        if self.listener is not None and removed:
            self.listener.removed(market.market_id, removed, status, self.now_ns)

    def refine_tick(self, market: SimulatedMarket) -> None:
        """Refine the grid when the book has left the middle (venue.md 4.1)."""
        book = market.book
        bid, ask = book.best_bid_e4, book.best_ask_e4
        if book.tick_e4 > _FINE_TICK_E4 and (
            (bid is not None and bid > _UPPER_E4) or (ask is not None and ask < _LOWER_E4)
        ):
            self.frames += market.publisher.change_tick(_FINE_TICK_E4, self.now_ns)
