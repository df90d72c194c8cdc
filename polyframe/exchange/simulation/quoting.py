"""Keeping makers' orders on the book: who looks at the market when, and what it then moves."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from polyframe.exchange.matching import TimeInForce
from polyframe.exchange.simulation.floor import Floor
from polyframe.exchange.simulation.makers import Maker, Move, Outlook, Quoter, RewardFarmer
from polyframe.exchange.simulation.market import SimulatedMarket
from polyframe.exchange.simulation.schedule import Step
from polyframe.exchange.simulation.traders import behind_touch, is_stale
from polyframe.money import SHARE_E6

_ALARM_S = 0.4  # how soon a maker sees that something is up


class Quoting:
    """The quoting half of a universe's crowd.

    Args:
        floor: through which makers act.
        activity: their pace, 1 is calibrated.
    """

    def __init__(self, floor: Floor, activity: float) -> None:
        self._floor = floor
        self._activity = activity
        self.turns: dict[Step, Callable[[SimulatedMarket, str], None]] = {
            Step.MAKER: self._maker,
            Step.REACT: self._react,
            Step.LOOK: self._look,
            Step.MOVE: self._move,
        }

    # --- arrivals and departures -------------------------------------------------------

    def start(self, market: SimulatedMarket) -> None:
        """Let a market's makers in, and farmers where there are rewards."""
        character, rng = market.character, market.rng
        for place in range(character.makers):
            self._join(market, Maker(f"maker-{place}", character, market.probability, rng))
        terms = market.terms()
        if terms.reward_usd_per_day > 0:
            for place in range(character.farmers):
                shares = terms.reward_min_e6 / SHARE_E6
                farmer = RewardFarmer(
                    f"farmer-{place}", character, shares, terms.reward_max_spread_e4, rng
                )
                self._join(market, farmer)

    def replace_all(self, market: SimulatedMarket) -> None:
        """Let the present makers go; others are to :meth:`start`."""
        for maker in market.makers:
            for order_id in maker.order_ids.values():
                market.book.cancel(order_id)
        market.makers.clear()
        market.phase += 1

    def withdraw(self, market: SimulatedMarket) -> None:
        """Let those who quote leave for good."""
        market.is_quoted = False
        for maker in market.makers:
            for order_id in maker.order_ids.values():
                market.book.cancel(order_id)
            maker.order_ids.clear()
        self._floor.publish(market)

    def call(self, market: SimulatedMarket) -> None:
        """Let every maker look at the market at once."""
        for place in range(len(market.makers)):
            self._floor.after(market, _ALARM_S, Step.LOOK, market.phased(place))

    def _join(self, market: SimulatedMarket, maker: Quoter) -> None:
        place = len(market.makers)
        market.makers.append(maker)
        self._requote(market, maker)
        wake_s = market.character.maker_wake_s / self._activity
        self._floor.after(market, wake_s, Step.MAKER, market.phased(place))

    # --- turns -------------------------------------------------------------------------

    def _maker(self, market: SimulatedMarket, argument: str) -> None:
        phase, _, place = argument.partition(":")
        if market.is_quoted and phase == str(market.phase):
            self._requote(market, market.makers[int(place)])
            wake_s = market.character.maker_wake_s / self._activity
            self._floor.after(market, wake_s, Step.MAKER, argument)

    def _look(self, market: SimulatedMarket, argument: str) -> None:
        """Let one maker look at the market out of turn, or all of them."""
        phase, _, place = argument.partition(":")
        if not argument:
            self.call(market)
        elif market.is_quoted and phase == str(market.phase):
            self._requote(market, market.makers[int(place)])

    def _react(self, market: SimulatedMarket, argument: str) -> None:
        phase, _, place = argument.partition(":")
        if market.is_quoted and phase == str(market.phase):
            self._requote(market, market.makers[int(place)], is_reaction=True)

    # --- parts -------------------------------------------------------------------------

    def _requote(
        self, market: SimulatedMarket, maker: Quoter, *, is_reaction: bool = False
    ) -> None:
        """Move a maker's ladder: what still fits keeps its place in the queue.

        Orders of others that its new prices leave far behind are stale, and it takes them.
        """
        if market.is_halted:
            return
        floor, book = self._floor, market.book
        outlook = Outlook(
            market.probability, market.lean(floor.now_ns), market.caution(floor.now_ns),
            is_reaction, floor.now_ns,
        )  # fmt: skip
        wanted = maker.quotes(outlook, book, market.rng)
        gone: list[Move] = []
        for key, order_id in list(maker.order_ids.items()):
            resting = book.resting(order_id)
            shares = wanted.get(key, 0.0)
            if resting is None:
                del maker.order_ids[key]
            elif resting.leaves_e6 >= 0.5 * shares * SHARE_E6 > 0:
                del wanted[key]
            else:
                gone.append((*key, 0.0))
        maker.plan = gone + [(*key, shares) for key, shares in wanted.items()]
        if market.character.order_gap_s and market.publisher.has_begun:
            if not maker.is_moving and maker.plan:
                maker.is_moving = True
                self._move(market, market.phased(market.makers.index(maker)))
            return
        last_id = ""
        for move in maker.plan:
            last_id = self._take_step(market, maker, move) or last_id
        floor.publish(market, last_id)
        floor.refine_tick(market)

    def _move(self, market: SimulatedMarket, argument: str) -> None:
        """Take the next step of a maker that sends its orders one by one."""
        phase, _, place = argument.partition(":")
        if phase != str(market.phase):
            return
        maker = market.makers[int(place)]
        if not maker.plan or not market.is_quoted or market.is_halted:
            maker.is_moving = False
            return
        order_id = self._take_step(market, maker, maker.plan.pop(0))
        self._floor.publish(market, order_id)
        self._floor.refine_tick(market)
        self._floor.after(market, market.character.order_gap_s, Step.MOVE, argument)

    def _take_step(self, market: SimulatedMarket, maker: Quoter, move: Move) -> str:
        """Cancel or place one order of a maker's ladder; return the id of a new order."""
        is_bid, wanted_e4, shares = move
        book = market.book
        if not shares:
            book.cancel(maker.order_ids.pop((is_bid, wanted_e4), ""))
            return ""
        if is_stale(book, is_bid, wanted_e4):
            stale = maker.order(
                market.next_order_id(), is_bid=is_bid, yes_price_e4=wanted_e4, shares=shares
            )
            self._floor.execute(
                market, replace(stale, time_in_force=TimeInForce.FAK, post_only=False)
            )
        # Others' stale orders may be in the way: it stands right before them.
        price = behind_touch(book, is_bid, wanted_e4)
        if (is_bid, price) in maker.order_ids:
            return ""
        order_id = market.next_order_id()
        placed = book.submit(
            maker.order(order_id, is_bid=is_bid, yes_price_e4=price, shares=shares)
        )
        if not placed.rejection:
            maker.order_ids[is_bid, price] = order_id
        return order_id
