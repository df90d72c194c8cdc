"""Those who quote in a simulated market: competing makers, and farmers of liquidity rewards.

A maker answers which orders it wants to have on the book, from the public book, what it alone
knows, and its random stream; who places them and takes away the others is the crowd's business.
"""

from __future__ import annotations

import math
from random import Random
from typing import Protocol

import msgspec

from polyframe.exchange.matching import MatchingBook, NewOrder
from polyframe.exchange.simulation.character import Character
from polyframe.exchange.simulation.traders import order_of
from polyframe.money import PRICE_ONE_E4, SHARE_E6

Ladder = dict[tuple[bool, int], float]
"""Wanted orders: ``(is_bid, yes_price_e4) -> shares``."""

Move = tuple[bool, int, float]
"""A step towards a ladder: ``(is_bid, yes_price_e4, shares)``, 0 shares to cancel."""

_CENT_E4 = 100
_ALARM_E4 = 2 * _CENT_E4  # a farmer leaves when the mid has moved this far since it looked


class Outlook(msgspec.Struct, frozen=True):
    """What a quoting trader sees besides the book.

    ``probability`` is the truth, of which it learns what its lag allows; ``lean`` the push of
    recent flow on the price; ``caution`` multiplies the half-spread before announced news, and
    is infinite when nobody in his right mind quotes; ``is_reaction`` says that it wakes because
    one of its orders was hit, which tells more than time does.
    """

    probability: float
    lean: float
    caution: float
    is_reaction: bool
    now_ns: int


class Quoter(Protocol):
    """Who keeps orders on the book."""

    owner: str
    inventory_e6: int
    order_ids: dict[tuple[bool, int], str]
    plan: list[Move]
    is_moving: bool

    def quotes(self, outlook: Outlook, book: MatchingBook, rng: Random) -> Ladder:
        """Return the orders wanted now; what is missing is to be cancelled."""
        ...

    def order(self, order_id: str, *, is_bid: bool, yes_price_e4: int, shares: float) -> NewOrder:
        """Return one of them as a post-only order."""
        ...


class Maker:
    """A competing market maker: quotes a ladder around a lagged, slightly wrong estimate.

    It leans against its inventory and against recent flow, and wakes now and then; between
    two wakes its quotes are stale, which is what informed traders live on.
    """

    _LADDER = ((0, 1.0), (1, 1.5), (2, 2.2), (4, 3.5))  # ticks behind the first level, size factor

    def __init__(self, owner: str, character: Character, probability: float, rng: Random) -> None:
        self.owner = owner
        self.inventory_e6 = 0  # YES minus NO
        self.order_ids: dict[tuple[bool, int], str] = {}
        self.plan: list[Move] = []
        self.is_moving = False
        self._estimate = probability
        self._lag_s = rng.uniform(*character.maker_lag_s)
        self._insight = character.maker_insight
        self._half_spread_ticks = rng.randint(*character.half_spread_ticks)
        least, most = character.level_shares
        self._shares = least * (most / least) ** rng.random()
        self._last_ns: int | None = None

    def quotes(self, outlook: Outlook, book: MatchingBook, rng: Random) -> Ladder:
        """Return the wanted ladder."""
        if self._last_ns is not None:
            learnt = -math.expm1(-(outlook.now_ns - self._last_ns) / 1e9 / self._lag_s)
            if outlook.is_reaction:
                learnt = max(learnt, self._insight)
            self._estimate += learnt * (outlook.probability - self._estimate)
        self._last_ns = outlook.now_ns
        if outlook.caution == math.inf:
            return {}
        tick = book.tick_e4
        full_e6 = 40 * self._shares * SHARE_E6
        skew_e4 = 2.0 * _CENT_E4 * max(-1.0, min(1.0, self.inventory_e6 / full_e6))
        wobble_e4 = rng.gauss(0.0, 0.15 * tick)
        centre_e4 = (self._estimate + outlook.lean) * PRICE_ONE_E4 - skew_e4 + wobble_e4
        half_e4 = self._half_spread_ticks * tick * outlook.caution
        wanted: Ladder = {}
        for behind, factor in self._LADDER:
            away_e4 = half_e4 + behind * max(tick, _CENT_E4 // 2 // tick * tick)
            bid = int((centre_e4 - away_e4) // tick * tick)
            ask = int(-((-centre_e4 - away_e4) // tick) * tick)
            if tick <= bid < PRICE_ONE_E4:
                wanted[True, bid] = self._shares * factor
            if 0 < ask <= PRICE_ONE_E4 - tick:
                wanted[False, ask] = self._shares * factor
        return wanted

    def order(self, order_id: str, *, is_bid: bool, yes_price_e4: int, shares: float) -> NewOrder:
        """Return a post-only order; tokens held are sold before the other side is bought."""
        holds_no, holds_yes = self.inventory_e6 < 0, self.inventory_e6 > 0
        use_no = holds_no if is_bid else not holds_yes
        return order_of(
            order_id, self.owner, is_bid=is_bid, yes_price_e4=yes_price_e4, shares=shares,
            use_no=use_no, post_only=True,
        )  # fmt: skip


class RewardFarmer(Maker):
    """A maker that is there for the rewards: least size, both sides, as far out as they pay.

    It knows nothing of the truth: it follows the mid, and leaves when news is near or when the
    mid has just moved.

    Args:
        owner: its name.
        character: of the market.
        min_shares: the programme's least size.
        max_spread_e4: the programme's greatest distance from the mid.
        rng: the market's stream.
    """

    def __init__(
        self, owner: str, character: Character, min_shares: float, max_spread_e4: int, rng: Random
    ) -> None:
        super().__init__(owner, character, 0.5, rng)
        self._shares = min_shares
        self._away_e4 = max_spread_e4 * rng.uniform(0.6, 0.95)
        self._last_mid_e4: float | None = None

    def quotes(self, outlook: Outlook, book: MatchingBook, rng: Random) -> Ladder:
        """Return one order a side, or nothing at all."""
        bid, ask, tick = book.best_bid_e4, book.best_ask_e4, book.tick_e4
        if bid is None or ask is None:
            self._last_mid_e4 = None
            return {}
        mid_e4 = (bid + ask) / 2
        before_e4, self._last_mid_e4 = self._last_mid_e4, mid_e4
        if outlook.caution > 1.0 or before_e4 is None or abs(mid_e4 - before_e4) >= _ALARM_E4:
            return {}
        own_bid = int(-((self._away_e4 - mid_e4) // tick) * tick)
        own_ask = int((mid_e4 + self._away_e4) // tick * tick)
        if own_bid < tick or own_ask > PRICE_ONE_E4 - tick:
            return {}
        return {(True, own_bid): self._shares, (False, own_ask): self._shares}
