"""The simulated market: a seeded crowd of traders on real matching engines, in virtual time.

Everything that happens is an event in one heap, ordered by market time; :meth:`advance`
processes what is due. There is no clock and no unseeded randomness: the same seed gives the
same frames, however the time is cut into steps.
"""

from __future__ import annotations

import heapq
import math
from enum import IntEnum
from random import Random

from msgspec.structs import replace

from polyframe.exchange.character import Belief
from polyframe.exchange.matching import Execution, MatchingBook, NewOrder, TimeInForce
from polyframe.exchange.simulated_market import SimulatedMarket, belief_of
from polyframe.exchange.source import (
    BookMessage,
    Frame,
    GammaMarket,
    MarketTerms,
    MatchListener,
)
from polyframe.exchange.traders import (
    Maker,
    behind_touch,
    informed_order,
    is_stale,
    noise_order,
    order_of,
    patient_order,
    stalled_order,
    sweep_order,
)
from polyframe.exchange.universe import generate_listings
from polyframe.money import SHARE_E6, notional_e12

_S_NS = 10**9
_HOUR_NS = 3_600 * _S_NS
_FINE_TICK_E4 = 10
_STALL_S = (4.0, 20.0)
_SWEEPS_THAT_KNOW = 0.8
_UPPER_E4, _LOWER_E4 = 9_600, 400  # beyond these the venue refines the tick (venue.md 4.1)


class _Step(IntEnum):
    """What an event in the heap does."""

    MAKER = 0
    REACT = 1
    NOISE = 2
    SWEEP = 3
    INFORMED = 4
    NEWS = 5
    PATIENT = 6
    CROWD_CANCEL = 7
    STALL = 8
    STALL_OVER = 9
    LIST = 10
    END = 11
    PROPOSE = 12
    RESOLVE = 13


class SimulatedSource:
    """A generated universe with its traders, as a :class:`~polyframe.exchange.source.Source`.

    Args:
        seed: of the universe, the beliefs and every trader.
        markets: markets listed at the start; a few more are listed later.
        activity: pace of orders, 1 is calibrated; the hidden beliefs keep their own pace.
        start_ns: market time (UTC ns) at which it begins.
        stalls_per_h: how often a two-sided market's matching stalls an hour: for some seconds an
            order rests through the touch, and the book is crossed for everybody to take.
    """

    ended = False

    # Assigned by whoever takes orders from outside (TradableSource).
    listener: MatchListener | None = None

    def __init__(
        self, seed: int, markets: int, activity: float, start_ns: int, stalls_per_h: float = 0.0
    ) -> None:
        self.start_ns = start_ns
        self._activity = activity
        self._stalls_per_h = stalls_per_h
        self._heap: list[tuple[int, int, int, int, str]] = []
        self._pushed = 0
        self._now_ns = start_ns
        self._frames: list[Frame] = []
        later = generate_listings(seed, max(4, markets // 100), start_ns, first=markets)
        listings = [*generate_listings(seed, markets, start_ns), *later]
        beliefs: dict[str, Belief] = {}
        for listing in listings:
            if listing.belief_id not in beliefs:
                beliefs[listing.belief_id] = belief_of(listing, listings, seed)
        self._markets = [SimulatedMarket(one, beliefs[one.belief_id], seed) for one in listings]
        self._by_token = {
            token_id: market for market in self._markets for token_id in market.publisher.token_ids
        }
        self._by_id = {
            market.listing.gamma["conditionId"]: (index, market)
            for index, market in enumerate(self._markets)
        }
        self._settled: dict[str, int] = {}
        rng = Random(f"listing:{seed}")
        for index, market in enumerate(self._markets):
            if index < markets:
                self._open(index, market)
            else:
                self._push(start_ns + int(rng.uniform(0.1, 6.0) * _HOUR_NS), index, _Step.LIST)
        self._frames.clear()

    # --- Source --------------------------------------------------------------------

    def markets(self) -> list[GammaMarket]:
        """Return every listed market with what the book and the lifecycle say now."""
        return [market.gamma_now() for market in self._markets if market.is_listed]

    def advance(self, to_ns: int, most: int) -> list[Frame]:
        """Process what is due up to ``to_ns``; see :class:`~polyframe.exchange.source.Source`."""
        heap = self._heap
        while heap and heap[0][0] <= to_ns and len(self._frames) < most:
            now_ns, _, index, step, argument = heapq.heappop(heap)
            self._now_ns = now_ns
            self._handle(index, self._markets[index], _Step(step), argument)
        frames, self._frames = self._frames, []
        return frames

    def book(self, token_id: str) -> BookMessage | None:
        """Return a listed token's book now."""
        market = self._by_token.get(token_id)
        if market is None or not market.is_listed:
            return None
        return market.publisher.book(token_id, self._now_ns)

    def last_trade(self, token_id: str) -> tuple[str, str] | None:
        """Return price and taker side of a listed token's last trade."""
        market = self._by_token.get(token_id)
        if market is None or not market.is_listed:
            return None
        return market.publisher.last_trade(token_id)

    def close(self) -> None:
        """Nothing is held."""

    def probability(self, market_id: str) -> float:
        """Return the hidden truth of a market, for studies of the simulation itself.

        Raises:
            KeyError: no such market.
        """
        return self._by_id[market_id][1].probability

    # --- orders from outside (TradableSource) ----------------------------------------

    def terms(self, token_id: str) -> MarketTerms | None:
        """Return the terms of a listed token's market."""
        market = self._by_token.get(token_id)
        return market.terms() if market is not None and market.is_listed else None

    def matching_book(self, market_id: str) -> MatchingBook:
        """Return a market's engine."""
        return self._by_id[market_id][1].book

    def submit(self, market_id: str, order: NewOrder, now_ns: int) -> Execution:
        """Match an order from outside like any trader's."""
        index, market = self._by_id[market_id]
        self._now_ns = now_ns
        return self._execute(index, market, order)

    def cancel(self, market_id: str, order_id: str, now_ns: int) -> int:
        """Take an order off the book."""
        market = self._by_id[market_id][1]
        left_e6 = market.book.cancel(order_id)
        if left_e6:
            self._now_ns = now_ns
            self._frames += market.publisher.publish((), order_id, now_ns)
        return left_e6

    # --- events --------------------------------------------------------------------

    def _push(self, at_ns: int, index: int, step: _Step, argument: str = "") -> None:
        self._pushed += 1  # events of the same instant keep the order of their making
        heapq.heappush(self._heap, (at_ns, self._pushed, index, int(step), argument))

    def _after(self, mean_s: float, index: int, step: _Step, argument: str = "") -> None:
        if mean_s > 0 and math.isfinite(mean_s):
            delay_s = self._markets[index].rng.expovariate(1.0 / mean_s)
            self._push(self._now_ns + int(delay_s * _S_NS) + 1, index, step, argument)

    def _pace_s(self, per_h: float) -> float:
        return 3_600.0 / (per_h * self._activity) if per_h else math.inf

    def _handle(self, index: int, market: SimulatedMarket, step: _Step, argument: str) -> None:
        if step is _Step.LIST:
            self._open(index, market)
            self._frames.append(market.publisher.new_market(market.listing.gamma, self._now_ns))
            return
        if market.winner is not None:
            return
        if step >= _Step.END:
            self._lifecycle(index, market, step)
            return
        if market.belief.advance(self._now_ns):
            for _ in range(3):  # those who read the news first
                self._after(0.8, index, _Step.NEWS)
        self._trade(index, market, step, argument)

    def _trade(self, index: int, market: SimulatedMarket, step: _Step, argument: str) -> None:
        character, rng, book = market.listing.character, market.rng, market.book
        order: NewOrder | None = None
        match step:
            case _Step.MAKER | _Step.REACT:
                if market.is_quoted:
                    self._requote(index, market, market.makers[int(argument)])
                    if step is _Step.MAKER:
                        self._after(character.maker_wake_s / self._activity, index, step, argument)
                return
            case _Step.NOISE:
                if rng.random() < 0.3:
                    market.mood_is_buy = not market.mood_is_buy
                order = noise_order(
                    market.next_order_id(), book, is_bid=market.mood_is_buy, rng=rng
                )
                self._after(self._pace_s(character.noise_per_h), index, step)
            case _Step.SWEEP:
                # Who pays through several levels mostly knows why.
                if rng.random() < _SWEEPS_THAT_KNOW:
                    is_bid = market.belief.surprise(market.listing.outcome_index)
                else:
                    is_bid = rng.random() < 0.5
                order = sweep_order(market.next_order_id(), book, is_bid=is_bid, rng=rng)
                self._after(self._pace_s(character.sweeps_per_h), index, step)
            case _Step.INFORMED | _Step.NEWS:
                order = informed_order(
                    market.next_order_id(), book, market.probability, character.informed_size, rng
                )
                if step is _Step.INFORMED:
                    self._after(self._pace_s(character.informed_per_h), index, step)
            case _Step.PATIENT:
                self._place_patient(index, market, rng.random() < 0.5)
                self._after(self._crowd_pace_s(market), index, step)
            case _Step.STALL:
                self._stall(index, market)
                self._after(3_600.0 / self._stalls_per_h, index, step)
            case _Step.STALL_OVER:
                order = self._after_stall(market, argument)
            case _:
                book.cancel(argument)
                self._frames += market.publisher.publish((), argument, self._now_ns)
        if order is not None:
            self._execute(index, market, order)

    def _stall(self, index: int, market: SimulatedMarket) -> None:
        order = stalled_order(
            market.next_order_id(), market.book, is_bid=market.rng.random() < 0.5, rng=market.rng
        )
        if order is None or not market.book.rest_unmatched(order):
            return
        self._frames += market.publisher.publish((), order.order_id, self._now_ns)
        lasts_ns = int(market.rng.uniform(*_STALL_S) * _S_NS)
        self._push(self._now_ns + lasts_ns, index, _Step.STALL_OVER, order.order_id)

    def _after_stall(self, market: SimulatedMarket, order_id: str) -> NewOrder | None:
        """Return what is left of a stalled order, to be matched now."""
        resting = market.book.resting(order_id)
        if resting is None:
            return None
        left_e6 = market.book.cancel(order_id)
        if left_e6 < market.book.min_size_e6:
            self._frames += market.publisher.publish((), order_id, self._now_ns)
            return None
        return replace(resting.order, order_id=market.next_order_id(), size_e6=left_e6)

    def _crowd_pace_s(self, market: SimulatedMarket) -> float:
        character = market.listing.character
        if not character.crowd_orders:
            return math.inf
        return character.crowd_life_s / (character.crowd_orders * self._activity)

    def _execute(self, index: int, market: SimulatedMarket, order: NewOrder) -> Execution:
        execution = market.book.submit(order)
        for match in execution.matches:
            market.traded_e12 += notional_e12(match.yes_price_e4, match.size_e6)
            sign = 1 if match.maker.is_bid else -1
            market.record_flow(-sign * match.size_e6 / SHARE_E6, self._now_ns)
            for place, maker in enumerate(market.makers):
                if maker.owner == match.maker.owner:
                    maker.inventory_e6 += sign * match.size_e6
                    self._after(0.9, index, _Step.REACT, str(place))
                elif maker.owner == match.taker.owner:
                    maker.inventory_e6 -= sign * match.size_e6
        self._frames += market.publisher.publish(execution.matches, order.order_id, self._now_ns)
        if execution.matches:
            if self.listener is not None:
                market_id = market.listing.gamma["conditionId"]
                self.listener.matched(market_id, execution.matches, self._now_ns)
            self._refine_tick(market)
        return execution

    def _place_patient(self, index: int, market: SimulatedMarket, is_bid: bool) -> None:
        order = patient_order(
            market.next_order_id(), market.book, market.probability, is_bid=is_bid, rng=market.rng
        )
        if order is not None and self._execute(index, market, order).resting_e6:
            life_s = market.listing.character.crowd_life_s / self._activity
            self._after(life_s, index, _Step.CROWD_CANCEL, order.order_id)

    def _requote(self, index: int, market: SimulatedMarket, maker: Maker) -> None:
        """Move a maker's ladder: what still fits keeps its place in the queue.

        Orders of others that its new prices leave far behind are stale, and it takes them.
        """
        book = market.book
        wanted = maker.quotes(
            market.probability, market.lean(self._now_ns), book, self._now_ns, market.rng
        )
        for key, order_id in list(maker.order_ids.items()):
            resting = book.resting(order_id)
            shares = wanted.get(key, 0.0)
            if resting is not None and resting.leaves_e6 >= 0.5 * shares * SHARE_E6 > 0:
                del wanted[key]
                continue
            book.cancel(order_id)
            del maker.order_ids[key]
        last_id = ""
        for (is_bid, wanted_e4), shares in wanted.items():
            if is_stale(book, is_bid, wanted_e4):
                stale = maker.order(
                    market.next_order_id(), is_bid=is_bid, yes_price_e4=wanted_e4, shares=shares
                )
                self._execute(
                    index,
                    market,
                    replace(stale, time_in_force=TimeInForce.FAK, post_only=False),
                )
            # Others' stale orders may be in the way: it stands right before them.
            price = behind_touch(book, is_bid, wanted_e4)
            if (is_bid, price) in maker.order_ids:
                continue
            last_id = market.next_order_id()
            placed = book.submit(
                maker.order(last_id, is_bid=is_bid, yes_price_e4=price, shares=shares)
            )
            if not placed.rejection:
                maker.order_ids[is_bid, price] = last_id
        self._frames += market.publisher.publish((), last_id, self._now_ns)
        self._refine_tick(market)

    def _refine_tick(self, market: SimulatedMarket) -> None:
        book = market.book
        bid, ask = book.best_bid_e4, book.best_ask_e4
        if book.tick_e4 > _FINE_TICK_E4 and (
            (bid is not None and bid > _UPPER_E4) or (ask is not None and ask < _LOWER_E4)
        ):
            self._frames += market.publisher.change_tick(_FINE_TICK_E4, self._now_ns)

    # --- lifecycle -----------------------------------------------------------------

    def _open(self, index: int, market: SimulatedMarket) -> None:
        """Fill the books as if the market had traded for long, and start the traders."""
        character, rng = market.listing.character, market.rng
        market.is_listed = True
        market.belief.advance(self._now_ns)
        if character.book == "two_sided":
            market.rest_floor()
            for place in range(character.makers):
                maker = Maker(f"maker-{place}", character, market.probability, rng)
                market.makers.append(maker)
                self._requote(index, market, maker)
                self._after(character.maker_wake_s / self._activity, index, _Step.MAKER, str(place))
            for turn in range(character.crowd_orders):
                self._place_patient(index, market, turn % 2 == 0)
            self._after(self._pace_s(character.noise_per_h), index, _Step.NOISE)
            self._after(self._pace_s(character.sweeps_per_h), index, _Step.SWEEP)
            self._after(self._pace_s(character.informed_per_h), index, _Step.INFORMED)
            self._after(self._crowd_pace_s(market), index, _Step.PATIENT)
            if self._stalls_per_h:
                self._after(3_600.0 / self._stalls_per_h, index, _Step.STALL)
        elif character.book == "one_sided":
            for price in (10, 20, 30, 40, 50)[: character.crowd_orders]:
                self._rest_forgotten(market, price * market.book.tick_e4 // 10)
        market.publisher.begin()
        end_ns = market.listing.end_ns
        if end_ns is None:
            return
        if end_ns > self._now_ns:
            self._push(end_ns, index, _Step.END)
        elif "disputed" in market.uma:
            self._push(self._now_ns + int(rng.uniform(48, 96) * _HOUR_NS), index, _Step.RESOLVE)
        elif "proposed" in market.uma:
            self._push(self._now_ns + int(rng.uniform(0.2, 2) * _HOUR_NS), index, _Step.RESOLVE)
        else:
            self._push(self._now_ns + int(rng.uniform(1, 10) * _HOUR_NS), index, _Step.PROPOSE)

    def _rest_forgotten(self, market: SimulatedMarket, price_e4: int) -> None:
        market.book.submit(
            order_of(
                market.next_order_id(), "crowd", is_bid=True, yes_price_e4=price_e4,
                shares=market.rng.uniform(10, 400), use_no=False,
            )
        )  # fmt: skip

    def _lifecycle(self, index: int, market: SimulatedMarket, step: _Step) -> None:
        """Walk a market from its end to its resolution (venue.md 6.5)."""
        if step is _Step.END:
            market.is_quoted = False
            for maker in market.makers:
                for order_id in maker.order_ids.values():
                    market.book.cancel(order_id)
                maker.order_ids.clear()
            self._frames += market.publisher.publish((), "", self._now_ns)
            wait_h = market.rng.uniform(0.2, 1.0)
            self._push(self._now_ns + int(wait_h * _HOUR_NS), index, _Step.PROPOSE)
        elif step is _Step.PROPOSE:
            market.uma.append("proposed")
            self._push(self._now_ns + 2 * _HOUR_NS, index, _Step.RESOLVE)
        else:
            belief_id = market.listing.belief_id
            if belief_id not in self._settled:
                market.belief.advance(self._now_ns)
                self._settled[belief_id] = market.belief.settle()
            market.winner = 0 if self._settled[belief_id] == market.listing.outcome_index else 1
            market.uma.append("resolved")
            removed = market.book.clear()
            self._frames += market.publisher.publish((), "", self._now_ns)
            if self.listener is not None:
                market_id = market.listing.gamma["conditionId"]
                status = "CANCELED_MARKET_RESOLVED"
                self.listener.removed(market_id, removed, status, self._now_ns)
                payouts_e6 = (SHARE_E6, 0) if market.winner == 0 else (0, SHARE_E6)
                self.listener.resolved(market_id, payouts_e6, self._now_ns)
            self._frames.append(
                market.publisher.resolved(market.listing.gamma, market.winner, self._now_ns)
            )
