"""The simulated crowd at work: who acts when, and what follows from it.

What a trader does is in ``traders`` and ``arbitrage``; this module gives each its turn, places its
orders through the floor, and plans its next turn. Those who quote are in ``quoting``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from polyframe.exchange.matching import MatchingBook, NewOrder, TimeInForce
from polyframe.exchange.simulation.arbitrage import Leg, exclusive_legs, same_truth_legs
from polyframe.exchange.simulation.character import Character
from polyframe.exchange.simulation.floor import Floor
from polyframe.exchange.simulation.market import SimulatedMarket
from polyframe.exchange.simulation.quoting import Quoting
from polyframe.exchange.simulation.schedule import Step
from polyframe.exchange.simulation.traders import (
    informed_order,
    noise_order,
    order_of,
    patient_order,
    stalled_order,
    sweep_order,
)
from polyframe.money import PRICE_ONE_E4

_S_NS = 10**9
_STALL_S = (4.0, 20.0)
_SWEEPS_THAT_KNOW = 0.8
_NEWS_S = 0.8  # how soon the first readers of news act
_ARBITRAGE_E4 = (20, 80)  # what an arbitrage must earn beyond nothing: fees and the trouble


class Crowd:
    """The traders of one universe.

    Args:
        floor: through which they act.
        markets: every market, by index.
        activity: pace of orders, 1 is calibrated; the hidden beliefs keep their own pace.
        stalls_per_h: how often a two-sided market's matching stalls an hour.
    """

    def __init__(
        self,
        floor: Floor,
        markets: Sequence[SimulatedMarket],
        activity: float,
        stalls_per_h: float,
    ) -> None:
        self._floor = floor
        self._activity = activity
        self._stalls_per_h = stalls_per_h
        self._groups: dict[str, list[SimulatedMarket]] = {}
        for market in markets:
            self._groups.setdefault(market.listing.belief_id, []).append(market)
        self._quoting = Quoting(floor, activity)
        self._turns: dict[Step, Callable[[SimulatedMarket, str], None]] = {
            **self._quoting.turns,
            Step.NOISE: self._noise,
            Step.SWEEP: self._sweep,
            Step.INFORMED: self._informed,
            Step.NEWS: self._news,
            Step.PATIENT: self._patient,
            Step.CROWD_CANCEL: self._crowd_cancel,
            Step.STALL: self._stall,
            Step.STALL_OVER: self._stall_over,
            Step.ANNOUNCEMENT: self._announcement,
            Step.ARBITRAGE: self._arbitrage,
        }

    def act(self, market: SimulatedMarket, step: Step, argument: str) -> None:
        """Give a trader its turn."""
        if market.belief.advance(self._floor.now_ns):
            self.spread_news(market)
        self._turns[step](market, argument)

    # --- arrivals and departures -------------------------------------------------------

    def open(self, market: SimulatedMarket) -> None:
        """Fill the books as if the market had traded for long, and start the traders."""
        character, rng, floor = market.character, market.rng, self._floor
        market.belief.advance(floor.now_ns)
        if character.book == "two_sided":
            market.rest_far_orders()
            self._start(market)
            if self._stalls_per_h:
                floor.after(market, 3_600.0 / self._stalls_per_h, Step.STALL)
            if character.arbitrage_s and self._groups[market.listing.belief_id][0] is market:
                floor.after(market, character.arbitrage_s / self._activity, Step.ARBITRAGE)
            self._await_news(market)
        elif character.book == "one_sided":
            for price in (10, 20, 30, 40, 50)[: character.crowd_orders]:
                market.book.submit(
                    order_of(
                        market.next_order_id(), "crowd", is_bid=True,
                        yes_price_e4=price * market.book.tick_e4 // 10,
                        shares=rng.uniform(10, 400), use_no=False,
                    )
                )  # fmt: skip

    def withdraw_makers(self, market: SimulatedMarket) -> None:
        """Let those who quote leave for good."""
        self._quoting.withdraw(market)

    def change_character(self, market: SimulatedMarket, character: Character | None) -> None:
        """Let the present traders go and others come; nobody where nobody quotes any more."""
        if character is None or not market.is_quoted:
            return
        self._quoting.replace_all(market)
        market.character = character
        market.belief.change_pace(character.volatility, character.jumps_per_h, character.jump_size)
        self._start(market)

    def spread_news(self, market: SimulatedMarket) -> None:
        """Let those act who read the news first; makers may leave for a while."""
        floor, character = self._floor, market.character
        for _ in range(character.news_readers):
            floor.after(market, _NEWS_S, Step.NEWS)
        if character.shy_s:
            away_s = market.rng.expovariate(1.0 / character.shy_s)
            market.shy_until_ns = floor.now_ns + int(away_s * _S_NS)
            self._quoting.call(market)

    def _start(self, market: SimulatedMarket) -> None:
        """Place the first quotes and plan everybody's first turn."""
        character, floor = market.character, self._floor
        self._quoting.start(market)
        for turn in range(character.crowd_orders):
            self._place_patient(market, turn % 2 == 0)
        phase = str(market.phase)
        floor.after(market, self._pace_s(market, character.noise_per_h), Step.NOISE, phase)
        floor.after(market, self._pace_s(market, character.sweeps_per_h), Step.SWEEP, phase)
        floor.after(market, self._pace_s(market, character.informed_per_h), Step.INFORMED, phase)
        floor.after(market, self._crowd_pace_s(market), Step.PATIENT, phase)

    def _pace_s(self, market: SimulatedMarket, per_h: float) -> float:
        """Return the mean wait for something that happens ``per_h`` times at a usual hour."""
        if not per_h:
            return math.inf
        pace = self._activity * market.character.day.factor(self._floor.now_ns)
        return 3_600.0 / (per_h * pace)

    def _crowd_pace_s(self, market: SimulatedMarket) -> float:
        character = market.character
        if not character.crowd_orders:
            return math.inf
        return character.crowd_life_s / (character.crowd_orders * self._activity)

    # --- turns -------------------------------------------------------------------------

    def _again(self, market: SimulatedMarket, per_h: float, step: Step, phase: str) -> bool:
        """Plan a trader's next turn; False when traders of this phase have left."""
        if phase != str(market.phase):
            return False
        self._floor.after(market, self._pace_s(market, per_h), step, phase)
        return True

    def _noise(self, market: SimulatedMarket, phase: str) -> None:
        character, rng, book = market.character, market.rng, market.book
        if not self._again(market, character.noise_per_h, Step.NOISE, phase):
            return
        half = _half_spread(book)
        if half is None or half * 100.0 > rng.uniform(*character.takers_pay_c):
            return
        if rng.random() < character.takers_that_know:
            # What he knows is worth the price he pays: half the spread, on average.
            worth = character.impact / character.takers_that_know * half
            is_bid = market.belief.learn(market.listing.outcome_index, worth)
        else:
            if rng.random() < 0.3:
                market.mood_is_buy = not market.mood_is_buy
            is_bid = market.mood_is_buy
        order = noise_order(
            market.next_order_id(), book, character.taker_log_shares, is_bid=is_bid, rng=rng
        )
        self._send(market, order)

    def _sweep(self, market: SimulatedMarket, phase: str) -> None:
        rng = market.rng
        if not self._again(market, market.character.sweeps_per_h, Step.SWEEP, phase):
            return
        # Who pays through several levels mostly knows why.
        if rng.random() < _SWEEPS_THAT_KNOW:
            is_bid = market.belief.surprise(market.listing.outcome_index)
        else:
            is_bid = rng.random() < 0.5
        self._send(market, sweep_order(market.next_order_id(), market.book, is_bid=is_bid, rng=rng))

    def _informed(self, market: SimulatedMarket, phase: str) -> None:
        if self._again(market, market.character.informed_per_h, Step.INFORMED, phase):
            self._news(market, "")

    def _news(self, market: SimulatedMarket, _: str) -> None:
        order = informed_order(
            market.next_order_id(), market.book, market.probability,
            market.character.informed_size, market.rng,
        )  # fmt: skip
        self._send(market, order)

    def _patient(self, market: SimulatedMarket, phase: str) -> None:
        if phase == str(market.phase):
            self._floor.after(market, self._crowd_pace_s(market), Step.PATIENT, phase)
            if self._floor.now_ns < market.shy_until_ns:
                return
            self._place_patient(market, market.rng.random() < 0.5)

    def _crowd_cancel(self, market: SimulatedMarket, order_id: str) -> None:
        self._floor.cancel(market, order_id)

    def _stall(self, market: SimulatedMarket, _: str) -> None:
        rng, floor = market.rng, self._floor
        floor.after(market, 3_600.0 / self._stalls_per_h, Step.STALL)
        order = stalled_order(
            market.next_order_id(), market.book, is_bid=rng.random() < 0.5, rng=rng
        )
        if order is None or market.is_halted or not market.book.rest_unmatched(order):
            return
        floor.publish(market, order.order_id)
        over_ns = floor.now_ns + int(rng.uniform(*_STALL_S) * _S_NS)
        floor.agenda.push(over_ns, market.index, Step.STALL_OVER, order.order_id)

    def _stall_over(self, market: SimulatedMarket, order_id: str) -> None:
        """Match what is left of a stalled order."""
        resting = market.book.resting(order_id)
        if resting is None:
            return
        left_e6 = market.book.cancel(order_id)
        if left_e6 < market.book.min_size_e6 or market.is_halted:
            self._floor.publish(market, order_id)
            return
        self._floor.execute(
            market, replace(resting.order, order_id=market.next_order_id(), size_e6=left_e6)
        )

    def _announcement(self, market: SimulatedMarket, _: str) -> None:
        """Publish news whose hour everybody knew."""
        market.belief.release(self._floor.now_ns)
        self.spread_news(market)
        self._await_news(market)

    def _await_news(self, market: SimulatedMarket) -> None:
        """Plan the next announcement, and that makers look at the market before it."""
        belief, agenda = market.belief, self._floor.agenda
        if belief.next_news_ns is None:
            return
        for warned_ns in belief.warnings_ns():
            agenda.push(max(warned_ns, self._floor.now_ns), market.index, Step.LOOK)
        agenda.push(belief.next_news_ns, market.index, Step.ANNOUNCEMENT)

    def _arbitrage(self, market: SimulatedMarket, _: str) -> None:
        """Take what cannot be right among the markets that share a belief."""
        rng = market.rng
        self._floor.after(market, market.character.arbitrage_s / self._activity, Step.ARBITRAGE)
        group = self._groups[market.listing.belief_id]
        cost_e4 = rng.randint(*_ARBITRAGE_E4)
        by_outcome: dict[int, list[SimulatedMarket]] = {}
        for one in group:
            if one.is_listed and one.is_accepting:
                by_outcome.setdefault(one.listing.outcome_index, []).append(one)
        for same in by_outcome.values():
            self._take_legs(same, same_truth_legs([one.book for one in same], 0))
        if len(by_outcome) > 1 and len(by_outcome) == len(market.belief.probabilities):
            first = [same[0] for same in by_outcome.values()]
            self._take_legs(first, exclusive_legs([one.book for one in first], cost_e4))

    def _take_legs(self, markets: Sequence[SimulatedMarket], legs: Sequence[Leg]) -> None:
        for leg in legs:
            market = markets[leg.place]
            order = order_of(
                market.next_order_id(), "arbitrage", is_bid=leg.is_bid,
                yes_price_e4=leg.yes_price_e4, shares=leg.shares, use_no=not leg.is_bid,
                time_in_force=TimeInForce.FAK,
            )  # fmt: skip
            self._send(market, order)

    # --- parts -------------------------------------------------------------------------

    def _send(self, market: SimulatedMarket, order: NewOrder | None) -> None:
        if order is not None:
            self._floor.execute(market, order)

    def _place_patient(self, market: SimulatedMarket, is_bid: bool) -> None:
        order = patient_order(
            market.next_order_id(), market.book, market.character, market.probability,
            is_bid=is_bid, rng=market.rng,
        )  # fmt: skip
        if order is not None and self._floor.execute(market, order).resting_e6:
            life_s = market.character.crowd_life_s / self._activity
            self._floor.after(market, life_s, Step.CROWD_CANCEL, order.order_id)


def _half_spread(book: MatchingBook) -> float | None:
    bid, ask = book.best_bid_e4, book.best_ask_e4
    return None if bid is None or ask is None else (ask - bid) / (2 * PRICE_ONE_E4)
