"""What the venue pays for resting orders: liquidity rewards by the minute, rebates by the day.

Books of markets in which an account rests are sampled once a minute at an instant nobody knows
before; the crowd's orders compete. Both are paid at midnight UTC (venue.md 5.2, 5.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from polyframe.exchange.account_books import ActivityKind
from polyframe.exchange.matching import Match, MatchingBook
from polyframe.exchange.rewards import (
    MINUTE_NS,
    MakerFill,
    RestingOrder,
    RewardEpoch,
    RewardTerms,
    payable_e12,
    rebates_e12,
    sample,
    sample_instant_ns,
    scoring_orders,
)
from polyframe.exchange.source import MarketTerms
from polyframe.exchange.trading.custody import Custody
from polyframe.exchange.trading.registry import OrderRegistry
from polyframe.exchange.trading.settlement import Trade
from polyframe.money import complement_e4, share_e12, taker_fee_e12, usd_e12

_DAY_NS = 86_400 * 10**9
_DAYS_KEPT = 35  # what a month's statement may ask for
# The crowd's names stand for many people each, but for its makers.
_ONE_OWNER = "maker-"

Kind = Literal["reward", "rebate"]
_ACTIVITY: dict[Kind, ActivityKind] = {"reward": "REWARD", "rebate": "MAKER_REBATE"}


class Earning(msgspec.Struct, frozen=True):
    """What a wallet earned in a market on a UTC day (counted from 1970), in 1e-12 USD."""

    kind: Kind
    day: int
    market_id: str
    wallet: str
    amount_e12: int


class _Day(msgspec.Struct):
    """What one UTC day collects: fees by market, maker volume by market, owner and price."""

    fees_e12: dict[str, int]
    volume_e6: dict[tuple[str, str, int], int]
    epoch: RewardEpoch


class Programmes:
    """The reward and rebate programmes of every market.

    Args:
        seed: of the sampling instants.
        start_ns: market time at which the exchange begins.
        schedule: asks to be called back at a market time.
        terms_of: a market's terms now.
        book_of: a market's engine.
    """

    def __init__(
        self,
        seed: int,
        start_ns: int,
        schedule: Callable[[int, Callable[[int], None]], None],
        terms_of: Callable[[str], MarketTerms],
        book_of: Callable[[str], MatchingBook],
        registry: OrderRegistry,
        custody: Custody,
    ) -> None:
        self.paid: list[Earning] = []
        self._seed = seed
        self._schedule = schedule
        self._terms_of = terms_of
        self._book_of = book_of
        self._registry = registry
        self._custody = custody
        self._days: dict[int, _Day] = {}
        self._terms: dict[str, MarketTerms] = {}
        self._next_sample(start_ns // MINUTE_NS, start_ns)
        self._schedule((start_ns // _DAY_NS + 1) * _DAY_NS, self._close_day)

    # --- what happens ----------------------------------------------------------------

    def traded(self, terms: MarketTerms, matches: Sequence[Match], now_ns: int) -> None:
        """Count taker fees and makers' volume, the crowd's too."""
        self._terms[terms.market_id] = terms
        day = self._day(utc_day(now_ns))
        for match in matches:
            price_e4 = match.taker_price_e4
            fee_e12 = taker_fee_e12(price_e4, match.size_e6, terms.fee_rate, terms.fee_exponent)
            day.fees_e12[terms.market_id] = day.fees_e12.get(terms.market_id, 0) + fee_e12
            maker = match.maker
            own_e4 = match.yes_price_e4 if maker.is_yes else complement_e4(match.yes_price_e4)
            key = (terms.market_id, self._owner(maker.owner, maker.order_id), own_e4)
            day.volume_e6[key] = day.volume_e6.get(key, 0) + match.size_e6

    def voided(self, trade: Trade) -> None:
        """Take a failed trade's fee and volume out of its day, unless that was paid already."""
        day = self._days.get(utc_day(trade.matched_ns))
        if day is None:
            return
        day.fees_e12[trade.market_id] = day.fees_e12.get(trade.market_id, 0) - trade.taker.fee_e12
        for leg in trade.makers:
            if leg.wallet is not None:
                key = (trade.market_id, leg.wallet.address.lower(), leg.price_e4)
                day.volume_e6[key] = day.volume_e6.get(key, 0) - leg.size_e6

    # --- what may be asked -----------------------------------------------------------

    def scoring(self, market_id: str, now_ns: int) -> tuple[str, ...]:
        """Return the ids of a market's orders that earn rewards now."""
        terms = self._terms_of(market_id)
        if not terms.reward_usd_per_day:
            return ()
        return scoring_orders(self._resting(market_id), _reward_terms(terms), now_ns)

    def shares(self, wallet: str, now_ns: int) -> dict[str, float]:
        """Return a wallet's share of each market's score now, in percent."""
        found = {}
        for market_id in self._markets_of(wallet):
            terms = self._terms_of(market_id)
            if terms.reward_usd_per_day:
                parts = sample(self._resting(market_id), _reward_terms(terms), now_ns)
                found[market_id] = parts.get(wallet.lower(), 0) / 1e10
        return found

    def earned(self, kind: Kind, day: int) -> list[Earning]:
        """Return what each wallet earned on a UTC day, so far or in the end."""
        if day not in self._days:
            return [one for one in self.paid if one.day == day and one.kind == kind]
        by_owner = self._rewards(day) if kind == "reward" else self._rebates(day)
        return [
            Earning(kind, day, market_id, owner, amount)
            for owner, of_market in by_owner.items()
            if owner in self._custody.wallets
            for market_id, amount in of_market.items()
        ]

    # --- sampling and paying -----------------------------------------------------------

    def _next_sample(self, minute: int, now_ns: int) -> None:
        instant_ns = sample_instant_ns(self._seed, minute)
        if instant_ns <= now_ns:
            minute += 1
            instant_ns = sample_instant_ns(self._seed, minute)
        self._schedule(instant_ns, self._sample)

    def _sample(self, now_ns: int) -> None:
        day = self._day(utc_day(now_ns))
        for market_id in dict.fromkeys(one.market_id for one in self._registry.open.values()):
            terms = self._terms_of(market_id)
            if terms.reward_usd_per_day:
                self._terms[market_id] = terms
                parts = sample(self._resting(market_id), _reward_terms(terms), now_ns)
                day.epoch.add(market_id, parts)
        self._next_sample(now_ns // MINUTE_NS + 1, now_ns)

    def _close_day(self, now_ns: int) -> None:
        """Pay what the day before earned, and forget what is too old."""
        day = utc_day(now_ns) - 1
        if day in self._days:
            kinds: tuple[Kind, Kind] = ("reward", "rebate")
            for kind in kinds:
                self.paid += self.earned(kind, day)
                by_owner = self._rewards(day) if kind == "reward" else self._rebates(day)
                for owner, amount_e12 in payable_e12(by_owner).items():
                    if owner in self._custody.wallets:
                        self._custody.pay(owner, _ACTIVITY[kind], amount_e12, now_ns)
            del self._days[day]
        self.paid = [one for one in self.paid if one.day > day - _DAYS_KEPT]
        self._schedule(now_ns + _DAY_NS, self._close_day)

    def _rewards(self, day: int) -> dict[str, dict[str, int]]:
        pools = {one.market_id: usd_e12(one.reward_usd_per_day) for one in self._terms.values()}
        return self._days[day].epoch.earned_e12(pools)

    def _rebates(self, day: int) -> dict[str, dict[str, int]]:
        of_day = self._days[day]
        pools = {
            market_id: share_e12(fees_e12, self._terms[market_id].rebate_share)
            for market_id, fees_e12 in of_day.fees_e12.items()
        }
        fills = [
            MakerFill(owner, market_id, price_e4, size_e6, self._terms[market_id].fee_exponent)
            for (market_id, owner, price_e4), size_e6 in of_day.volume_e6.items()
        ]
        return rebates_e12(fills, pools)

    def _day(self, day: int) -> _Day:
        known = self._days.get(day)
        if known is None:
            known = self._days[day] = _Day({}, {}, RewardEpoch())
        return known

    def _markets_of(self, wallet: str) -> list[str]:
        return list(
            dict.fromkeys(
                one.market_id
                for one in self._registry.open.values()
                if one.request.wallet.lower() == wallet.lower()
            )
        )

    def _resting(self, market_id: str) -> list[RestingOrder]:
        """Return everything on a market's book, each order with its owner and age."""
        resting = []
        for one in self._book_of(market_id).orders():
            order, known = one.order, self._registry.open.get(one.order.order_id)
            resting.append(
                RestingOrder(
                    order.order_id, self._owner(order.owner, order.order_id), order.is_yes,
                    order.side, order.price_e4, one.leaves_e6,
                    0 if known is None else known.created_ns,
                )
            )  # fmt: skip
        return resting

    def _owner(self, owner: str, order_id: str) -> str:
        """Return who is paid for an order: a wallet, one of the crowd's makers, or a stranger."""
        if owner.lower() in self._custody.wallets:
            return owner.lower()
        return owner if owner.startswith(_ONE_OWNER) else order_id


def _reward_terms(terms: MarketTerms) -> RewardTerms:
    return RewardTerms(terms.reward_min_e6, terms.reward_max_spread_e4)


def utc_day(instant_ns: int) -> int:
    """Return the UTC day of an instant, counted from 1970."""
    return instant_ns // _DAY_NS
