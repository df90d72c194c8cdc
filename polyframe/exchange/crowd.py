"""The simulated crowd at work: who acts when, and what follows from it.

What a trader does is in ``traders``, ``makers`` and ``arbitrage``; this module gives each its
turn, places its orders through the floor, and plans its next turn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from polyframe.exchange.arbitrage import Leg, exclusive_legs, same_truth_legs
from polyframe.exchange.character import Character
from polyframe.exchange.floor import Floor
from polyframe.exchange.makers import Maker, Move, Outlook, Quoter, RewardFarmer
from polyframe.exchange.matching import MatchingBook, NewOrder, TimeInForce
from polyframe.exchange.schedule import Step
from polyframe.exchange.simulated_market import SimulatedMarket
from polyframe.exchange.traders import (
    behind_touch,
    informed_order,
    is_stale,
    noise_order,
    order_of,
    patient_order,
    stalled_order,
    sweep_order,
)
from polyframe.money import PRICE_ONE_E4, SHARE_E6

_S_NS = 10**9
_STALL_S = (4.0, 20.0)
_SWEEPS_THAT_KNOW = 0.8
_NEWS_S = 0.8  # how soon the first readers of news act
_ALARM_S = 0.4  # how soon a maker that leaves at news has left
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
        self._turns: dict[Step, Callable[[SimulatedMarket, str], None]] = {
            Step.MAKER: self._maker,
            Step.REACT: self._react,
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
            Step.MOVE: self._move,
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
            if (next_ns := market.belief.next_news_ns) is not None:
                floor.agenda.push(next_ns, market.index, Step.ANNOUNCEMENT)
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
        market.is_quoted = False
        for maker in market.makers:
            for order_id in maker.order_ids.values():
                market.book.cancel(order_id)
            maker.order_ids.clear()
        self._floor.publish(market)

    def change_character(self, market: SimulatedMarket, character: Character | None) -> None:
        """Let the present traders go and others come; nobody where nobody quotes any more."""
        if character is None or not market.is_quoted:
            return
        for maker in market.makers:
            for order_id in maker.order_ids.values():
                market.book.cancel(order_id)
        market.makers.clear()
        market.phase += 1
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
            for place in range(len(market.makers)):
                floor.after(market, _ALARM_S, Step.REACT, market.phased(place))

    def _start(self, market: SimulatedMarket) -> None:
        """Place the first quotes and plan everybody's first turn."""
        character, rng, floor = market.character, market.rng, self._floor
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
        for turn in range(character.crowd_orders):
            self._place_patient(market, turn % 2 == 0)
        phase = str(market.phase)
        floor.after(market, self._pace_s(market, character.noise_per_h), Step.NOISE, phase)
        floor.after(market, self._pace_s(market, character.sweeps_per_h), Step.SWEEP, phase)
        floor.after(market, self._pace_s(market, character.informed_per_h), Step.INFORMED, phase)
        floor.after(market, self._crowd_pace_s(market), Step.PATIENT, phase)

    def _join(self, market: SimulatedMarket, maker: Quoter) -> None:
        place = len(market.makers)
        market.makers.append(maker)
        self._requote(market, maker)
        wake_s = market.character.maker_wake_s / self._activity
        self._floor.after(market, wake_s, Step.MAKER, market.phased(place))

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

    def _maker(self, market: SimulatedMarket, argument: str) -> None:
        phase, _, place = argument.partition(":")
        if market.is_quoted and phase == str(market.phase):
            self._requote(market, market.makers[int(place)])
            wake_s = market.character.maker_wake_s / self._activity
            self._floor.after(market, wake_s, Step.MAKER, argument)

    def _react(self, market: SimulatedMarket, argument: str) -> None:
        phase, _, place = argument.partition(":")
        if market.is_quoted and phase == str(market.phase):
            self._requote(market, market.makers[int(place)], is_reaction=True)

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
        belief = market.belief
        belief.release(self._floor.now_ns)
        self.spread_news(market)
        if belief.next_news_ns is not None:
            self._floor.agenda.push(belief.next_news_ns, market.index, Step.ANNOUNCEMENT)

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


def _half_spread(book: MatchingBook) -> float | None:
    bid, ask = book.best_bid_e4, book.best_ask_e4
    return None if bid is None or ask is None else (ask - bid) / (2 * PRICE_ONE_E4)
