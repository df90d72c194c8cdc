"""One simulated market: its matching engine, its traders, and what Gamma says of it now."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

from polyframe.exchange.matching import MatchingBook
from polyframe.exchange.publishing import Publisher
from polyframe.exchange.simulation.belief import Belief
from polyframe.exchange.simulation.makers import Quoter
from polyframe.exchange.simulation.traders import order_of
from polyframe.exchange.simulation.universe import Listing
from polyframe.exchange.source import MarketTerms
from polyframe.money import PRICE_ONE_E4, SHARE_E6, notional_e12, usd

_S_NS = 10**9
_FLOW_MEMORY_S = 45.0
_SHY_CAUTION = 9.0
_TAKER_HOLD_MS = 150  # venue.md 4.4


class SimulatedMarket:
    """One market's engine, traders and state.

    ``payouts_e6`` is what a YES and a NO share pay, in 1e-6 USD, None until it is resolved;
    ``uma`` the resolution's history as Gamma tells it; ``phase`` counts how often its traders
    changed, so that what the former ones had planned comes to nothing.
    """

    def __init__(self, index: int, listing: Listing, belief: Belief, seed: int) -> None:
        gamma = self.gamma = dict(listing.gamma)
        self.index = index
        self.market_id: str = gamma["conditionId"]
        self.listing = listing
        self.character = listing.character
        self.belief = belief
        self.rng = Random(f"market:{seed}:{gamma['id']}")
        self.book = MatchingBook(
            round(gamma["orderPriceMinTickSize"] * PRICE_ONE_E4),
            gamma["orderMinSize"] * SHARE_E6,
        )
        yes, no = gamma.get("positionIds") or json.loads(gamma["clobTokenIds"])
        self.publisher = Publisher(
            self.book,
            market=gamma["conditionId"],
            token_ids=(yes, no),
            neg_risk=gamma["negRisk"],
        )
        self.makers: list[Quoter] = []
        self.mood_is_buy = self.rng.random() < 0.5
        self.flow_shares = 0.0
        self.flow_ns = 0
        self.traded_e12 = 0
        self.orders = 0
        self._number: str = gamma["id"]
        self.uma: list[str] = json.loads(gamma["umaResolutionStatuses"])
        self.is_listed = False
        self.is_quoted = True
        self.is_halted = False
        self.phase = 0
        self.shy_until_ns = 0
        self.payouts_e6: tuple[int, int] | None = None

    @property
    def probability(self) -> float:
        """The hidden truth now."""
        return self.belief.probabilities[self.listing.outcome_index]

    @property
    def is_accepting(self) -> bool:
        """Whether it takes orders."""
        return not self.is_halted and self.payouts_e6 is None

    def phased(self, place: int) -> str:
        """Return an event's argument that names one of the present makers."""
        return f"{self.phase}:{place}"

    def caution(self, now_ns: int) -> float:
        """Return how much wider makers quote than usual; infinite means not at all."""
        shy = _SHY_CAUTION if now_ns < self.shy_until_ns else 1.0
        return max(shy, self.belief.caution(now_ns))

    def terms(self) -> MarketTerms:
        """Return what an order from outside has to know."""
        gamma = self.gamma
        fees = (gamma.get("feeSchedule") or {}) if gamma["feesEnabled"] else {}
        first, second = json.loads(gamma["outcomes"])
        return MarketTerms(
            market_id=gamma["conditionId"],
            token_ids=self.publisher.token_ids,
            outcomes=(first, second),
            neg_risk=gamma["negRisk"],
            version=gamma.get("version", "v1"),
            fee_rate=fees.get("rate", 0.0),
            fee_exponent=fees.get("exponent", 1),
            rebate_share=fees.get("rebateRate", 0.0),
            taker_hold_ms=_TAKER_HOLD_MS if gamma.get("itode") else 0,
            taker_delay_s=gamma["secondsDelay"],
            reward_min_e6=int(gamma["rewardsMinSize"] * SHARE_E6),
            reward_max_spread_e4=round(gamma["rewardsMaxSpread"] * 100),
            reward_usd_per_day=sum(one["rewardsDailyRate"] for one in gamma["clobRewards"]),
            is_accepting=self.is_accepting,
        )

    def next_order_id(self) -> str:
        """Return an id no other order has."""
        self.orders += 1
        return f"{self._number}-{self.orders}"

    def lean(self, now_ns: int) -> float:
        """Return how far recent flow pushes makers' prices, at most 1.5 cents."""
        decay = math.exp(-(now_ns - self.flow_ns) / _S_NS / _FLOW_MEMORY_S)
        unit = 6.0 * self.character.level_shares[1]
        return max(-0.015, min(0.015, 0.01 * self.flow_shares * decay / unit))

    def record_flow(self, shares: float, now_ns: int) -> None:
        """Note what takers bought (positive) or sold of YES."""
        decay = math.exp(-(now_ns - self.flow_ns) / _S_NS / _FLOW_MEMORY_S)
        self.flow_shares = self.flow_shares * decay + shares
        self.flow_ns = now_ns

    def rest_far_orders(self) -> None:
        """Rest the far orders every book has: large sizes at the ends of the price range."""
        tick = self.book.tick_e4
        truth_e4 = self.probability * PRICE_ONE_E4
        for step in range(1, self.character.far_levels + 1):
            for is_bid, price in ((True, step * tick), (False, PRICE_ONE_E4 - step * tick)):
                if abs(price - truth_e4) > 15 * tick:
                    order = order_of(
                        self.next_order_id(), "far", is_bid=is_bid, yes_price_e4=price,
                        shares=self.rng.uniform(500, 6_000) / step, use_no=False,
                    )  # fmt: skip
                    self.book.submit(order)

    def gamma_now(self) -> dict[str, Any]:
        """Return a market object with the fields that move, as Gamma refreshes them."""
        book, gamma = self.book, dict(self.gamma)
        bid, ask, last = book.best_bid_e4, book.best_ask_e4, book.last_trade_yes_e4
        resting_e12 = sum(notional_e12(price, size) for price, size in book.levels(True)) + sum(
            notional_e12(PRICE_ONE_E4 - price, size) for price, size in book.levels(False)
        )
        traded_usd = usd(self.traded_e12)
        liquidity = round(usd(resting_e12), 4)
        volume_24h = round(gamma["volume24hr"] + traded_usd, 2)
        volume = round(gamma["volumeNum"] + traded_usd, 2)
        mid = self.publisher.last_mid_e6 / 1_000_000
        prices = [f"{mid:.4f}", f"{1 - mid:.4f}"]
        if self.payouts_e6 is not None:
            prices = [f"{payout_e6 / SHARE_E6:g}" for payout_e6 in self.payouts_e6]
            gamma |= {"closed": True, "active": True}
        gamma |= {
            "acceptingOrders": self.is_accepting,
            "orderPriceMinTickSize": book.tick_e4 / PRICE_ONE_E4,
            "orderMinSize": _plain(book.min_size_e6 / SHARE_E6),
            "liquidity": str(liquidity),
            "liquidityNum": liquidity,
            "liquidityClob": liquidity,
            "volume": str(volume),
            "volumeNum": volume,
            "volume24hr": volume_24h,
            "volume24hrClob": volume_24h,
            "outcomePrices": json.dumps(prices),
            "umaResolutionStatuses": json.dumps(self.uma),
            "umaResolutionStatus": self.uma[-1] if self.uma else "",
        }
        if bid is not None:
            gamma["bestBid"] = bid / PRICE_ONE_E4
        if ask is not None:
            gamma["bestAsk"] = ask / PRICE_ONE_E4
        if bid is not None and ask is not None:
            gamma["spread"] = (ask - bid) / PRICE_ONE_E4
        if last is not None:
            gamma["lastTradePrice"] = last / PRICE_ONE_E4
        return gamma


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number


def belief_of(listing: Listing, listings: list[Listing], seed: int) -> Belief:
    """Return the belief a listing shares with its exclusive siblings, seeded by its name."""
    together = [one for one in listings if one.belief_id == listing.belief_id]
    character = listing.character
    if len(together) == 1:
        probabilities = [listing.probability, 1.0 - listing.probability]
    else:
        probabilities = [one.probability for one in together]
    return Belief(
        probabilities,
        volatility=character.volatility,
        jumps_per_h=character.jumps_per_h,
        jump_size=character.jump_size,
        news_per_day=character.news_per_day,
        news_size=character.news_size,
        rng=Random(f"belief:{seed}:{listing.belief_id}"),
    )
