"""The simulated market: a seeded crowd of traders on real matching engines, in virtual time.

Everything that happens is an event on one agenda, ordered by market time; :meth:`advance`
processes what is due. There is no clock and no unseeded randomness: the same seed gives the
same frames, however the time is cut into steps.
"""

from __future__ import annotations

from random import Random

from polyframe.exchange.matching import Execution, MatchingBook, NewOrder
from polyframe.exchange.simulation.belief import Belief
from polyframe.exchange.simulation.crowd import Crowd
from polyframe.exchange.simulation.floor import Floor
from polyframe.exchange.simulation.lifecycle import Lifecycle
from polyframe.exchange.simulation.market import SimulatedMarket, belief_of
from polyframe.exchange.simulation.profiles import ProfileName
from polyframe.exchange.simulation.schedule import Due, Step
from polyframe.exchange.simulation.universe import generate_listings
from polyframe.exchange.source import (
    BookMessage,
    Frame,
    GammaMarket,
    MarketTerms,
    MatchListener,
)

_HOUR_NS = 3_600 * 10**9


class SimulatedSource:
    """A generated universe with its traders, which takes orders from outside as well.

    The methods from :meth:`propose` on are for fault scripts: what a market's own calendar does
    sooner or later, at an instant of the caller's choice. Like :meth:`submit` they are called
    after ``advance`` to that instant, and their frames come with the next ``advance``.

    Args:
        seed: of the universe, the beliefs and every trader.
        markets: markets listed at the start; a few more are listed later.
        activity: pace of orders, 1 is calibrated; the hidden beliefs keep their own pace.
        start_ns: market time (UTC ns) at which it begins.
        stalls_per_h: how often a two-sided market's matching stalls an hour: for some seconds an
            order rests through the touch, and the book is crossed for everybody to take.
        profile: what most of the markets are like (:mod:`polyframe.exchange.simulation.profiles`).
    """

    ended = False

    def __init__(
        self,
        seed: int,
        markets: int,
        activity: float,
        start_ns: int,
        stalls_per_h: float = 0.0,
        profile: ProfileName = "mixed",
    ) -> None:
        self.start_ns = start_ns
        later = generate_listings(
            seed, max(4, markets // 100), start_ns, first=markets, profile=profile
        )
        listings = [*generate_listings(seed, markets, start_ns, profile=profile), *later]
        beliefs: dict[str, Belief] = {}
        for listing in listings:
            if listing.belief_id not in beliefs:
                beliefs[listing.belief_id] = belief_of(listing, listings, seed)
        self._markets = [
            SimulatedMarket(index, one, beliefs[one.belief_id], seed)
            for index, one in enumerate(listings)
        ]
        self._by_token = {
            token_id: market for market in self._markets for token_id in market.publisher.token_ids
        }
        self._by_id = {market.market_id: market for market in self._markets}
        self._floor = Floor(start_ns)
        self._crowd = Crowd(self._floor, self._markets, activity, stalls_per_h)
        self._lifecycle = Lifecycle(self._floor, self._crowd)
        rng = Random(f"listing:{seed}")
        for index, market in enumerate(self._markets):
            if index < markets:
                self._lifecycle.open(market)
            else:
                listed_ns = start_ns + int(rng.uniform(0.1, 6.0) * _HOUR_NS)
                self._floor.agenda.push(listed_ns, index, Step.LIST)
        self._floor.frames.clear()

    # --- Source --------------------------------------------------------------------

    def markets(self) -> list[GammaMarket]:
        """Return every listed market with what the book and the lifecycle say now."""
        return [market.gamma_now() for market in self._markets if market.is_listed]

    def market(self, market_id: str) -> GammaMarket | None:
        """Return one listed market with what the book and the lifecycle say now."""
        market = self._by_id.get(market_id)
        return market.gamma_now() if market is not None and market.is_listed else None

    def market_of_token(self, token_id: str) -> GammaMarket | None:
        """Return a token's market likewise."""
        market = self._by_token.get(token_id)
        return market.gamma_now() if market is not None and market.is_listed else None

    def advance(self, to_ns: int, most: int) -> list[Frame]:
        """Process what is due up to ``to_ns``; see :class:`~polyframe.exchange.source.Source`."""
        floor = self._floor
        while len(floor.frames) < most and (due := floor.agenda.pop_due(to_ns)) is not None:
            self._handle(due)
        frames, floor.frames = floor.frames, []
        return frames

    def book(self, token_id: str) -> BookMessage | None:
        """Return a listed token's book now."""
        market = self._by_token.get(token_id)
        if market is None or not market.is_listed:
            return None
        return market.publisher.book(token_id, self._floor.now_ns)

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
        return self._by_id[market_id].probability

    # --- orders from outside (TradableSource) ----------------------------------------

    @property
    def listener(self) -> MatchListener | None:
        """Who is told what happens to orders; assigned by whoever takes them from outside."""
        return self._floor.listener

    @listener.setter
    def listener(self, listener: MatchListener | None) -> None:
        self._floor.listener = listener

    def terms(self, token_id: str) -> MarketTerms | None:
        """Return the terms of a listed token's market."""
        market = self._by_token.get(token_id)
        return market.terms() if market is not None and market.is_listed else None

    def matching_book(self, market_id: str) -> MatchingBook:
        """Return a market's engine."""
        return self._by_id[market_id].book

    def submit(self, market_id: str, order: NewOrder, now_ns: int) -> Execution:
        """Match an order from outside like any trader's."""
        return self._floor.execute(self._at(market_id, now_ns), order)

    def cancel(self, market_id: str, order_id: str, now_ns: int) -> int:
        """Take an order off the book."""
        return self._floor.cancel(self._at(market_id, now_ns), order_id)

    # --- what happens to markets -------------------------------------------------------

    def propose(self, market_id: str, now_ns: int) -> None:
        """Propose an answer; two hours later the market resolves, unless it is disputed.

        Raises:
            KeyError: no such market (so do all of these).
            ValueError: an answer stands already, or the market is resolved.
        """
        self._lifecycle.propose(self._at(market_id, now_ns))

    def dispute(self, market_id: str, now_ns: int) -> None:
        """Dispute the standing answer: once, it is proposed anew; twice, the vote takes days.

        Raises:
            ValueError: no answer stands.
        """
        self._lifecycle.dispute(self._at(market_id, now_ns))

    def resolve(self, market_id: str, payouts_e6: tuple[int, int], now_ns: int) -> None:
        """Pay out: what one YES and one NO share get, in 1e-6 USD, a dollar together.

        Raises:
            ValueError: the payouts do not add up to a dollar, or the market is resolved.
        """
        self._lifecycle.resolve(self._at(market_id, now_ns), payouts_e6)

    def start_game(self, market_id: str, now_ns: int) -> None:
        """Let a game begin: a book with ``clearBookOnStart`` is emptied, orders are CANCELED."""
        self._lifecycle.start_game(self._at(market_id, now_ns))

    def change_tick(self, market_id: str, tick_e4: int, now_ns: int) -> None:
        """Change the price grid and say so on the market channel."""
        self._lifecycle.change_tick(self._at(market_id, now_ns), tick_e4)

    def halt(self, market_id: str, now_ns: int) -> None:
        """Stop accepting orders; what rests stays and can be cancelled."""
        self._lifecycle.halt(self._at(market_id, now_ns))

    def resume(self, market_id: str, now_ns: int) -> None:
        """Accept orders again."""
        self._lifecycle.resume(self._at(market_id, now_ns))

    def set_min_size(self, market_id: str, min_size_e6: int, now_ns: int) -> None:
        """Change the least order size, in micro-shares."""
        self._lifecycle.set_min_size(self._at(market_id, now_ns), min_size_e6)

    def set_fees(self, market_id: str, rate: float, now_ns: int) -> None:
        """Change the taker fee's rate; 0 switches fees off."""
        self._lifecycle.set_fees(self._at(market_id, now_ns), rate)

    def _at(self, market_id: str, now_ns: int) -> SimulatedMarket:
        market = self._by_id[market_id]
        self._floor.now_ns = now_ns
        return market

    # --- events --------------------------------------------------------------------

    def _handle(self, due: Due) -> None:
        floor, market, step = self._floor, self._markets[due.market], due.step
        floor.now_ns = due.at_ns
        if step is Step.LIST:
            self._lifecycle.open(market)
            floor.frames.append(market.publisher.new_market(market.gamma, floor.now_ns))
        elif market.payouts_e6 is not None:
            return
        elif step >= Step.END:
            self._lifecycle.act(market, step, due.argument)
        else:
            self._crowd.act(market, step, due.argument)
