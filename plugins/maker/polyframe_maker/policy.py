"""The ``logit`` policy put together: what is measured, what is held, and the quote they make."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polyframe import Fill, MarketState, MarketView, PortfolioView, PositionView
from polyframe.money import (
    SHARE_E6,
    ceil_to_tick,
    complement_e4,
    floor_size_e6,
    floor_to_tick,
    shares_e6,
    usd_e12,
)
from polyframe_maker import logit
from polyframe_maker.config import Config
from polyframe_maker.event import Events, Outcome
from polyframe_maker.evidence import Evidence
from polyframe_maker.learning import Learning

_SECOND_NS = 1_000_000_000
_DAY_S = 86_400.0
_USD_E12_PER_SHARE_E6 = 10**6
_REPORTED_MARKETS = 50
_NO_MARK = "no fill was marked at its horizon"
# Why a measure is null.
_NULLS = {
    "effective_half_spread_c": _NO_MARK,
    "price_impact_2m_c": _NO_MARK,
    "impact_per_half_spread": "no half-spread was earned",
    "belief_volatility_day": "observed for less than an hour",
    "inventory_half_life_s": "fewer than five fills reduced it",
    "age_s": "nothing was measured",
}


@dataclass(frozen=True)
class LogitQuote:
    """Unrounded prices, sizes in micro-shares, and the terms they came from."""

    bid: float
    ask: float
    bid_size_e6: int
    ask_size_e6: int
    inputs: tuple[tuple[str, float], ...]


class LogitPolicy:
    """Quotes ``S(L(fair) - gamma_eff q -/+ w)`` and measures what gamma_eff and w are made of."""

    def __init__(self, config: Config, store: Mapping[str, Any]) -> None:
        self._config = config
        self.learning = Learning(config.logit_memory_h, store)
        self._events = Events()

    # --- facts -----------------------------------------------------------------------

    def on_book(self, market: MarketView, now_ns: int) -> None:
        """Learn from a changed touch."""
        self._events.note(market)
        self.learning.on_book(market, now_ns)

    def on_fill(self, fill: Fill, market: MarketView, now_ns: int) -> None:
        """Learn from a fill."""
        self.learning.on_fill(fill, market, now_ns)

    def on_cycle_end(self, portfolio: PortfolioView, now_ns: int) -> None:
        """Judge what quiet books can judge, and forget what is gone."""
        self.learning.on_cycle_end(portfolio, now_ns)
        self._events.prune(portfolio)

    # --- the quote -------------------------------------------------------------------

    def quote(
        self,
        market: MarketView,
        portfolio: PortfolioView,
        fair: float,
        widening: float,
        now_ns: int,
    ) -> LogitQuote:
        """Return the wanted quote around ``fair``; ``widening`` multiplies the margin."""
        config = self._config
        others = self._events.others(market, portfolio, config.logit_event_gap) or ()
        gamma = self._gamma(fair, others)
        share = self._unwind_share(market, fair, others, now_ns)
        gamma_eff = gamma * share
        own_shares = market.position.net_yes_e6 / SHARE_E6
        held = [(other.mid, other.net_shares) for other in others]
        inventory = own_shares - logit.rest_inventory(held, fair, gamma_eff)
        centre = logit.reservation(fair, gamma_eff, inventory)
        half, terms = self._half_spread(market, fair, widening, now_ns)

        tick_e4 = market.tick_e4
        step_e6 = floor_size_e6(round(config.logit_step / gamma_eff * SHARE_E6))
        most_e6 = max(step_e6, market.min_size_e6)
        room = loss_room(market.position, config.logit_loss_usd)
        bid_e6 = _size_e6(config.base_usd, floor_to_tick(centre, tick_e4), most_e6, room[0])
        ask_e6 = _size_e6(
            config.base_usd, complement_e4(ceil_to_tick(centre, tick_e4)), most_e6, room[1]
        )
        bid_for, ask_for = (
            (bid_e6 / SHARE_E6, ask_e6 / SHARE_E6)
            if config.logit_indifference == "order"
            else (0.0, 0.0)
        )
        return LogitQuote(
            logit.shifted(logit.indifference_bid(fair, gamma_eff, inventory, bid_for), -half),
            logit.shifted(logit.indifference_ask(fair, gamma_eff, inventory, ask_for), half),
            bid_e6,
            ask_e6,
            (
                ("q", own_shares),
                ("q_event", inventory),
                ("event_outcomes", float(len(others) + 1 if others else 0)),
                ("gamma", gamma),
                ("unwind_share", share),
                ("gamma_eff", gamma_eff),
                ("reservation", centre),
                *terms,
                *self._measures(market.market_id, now_ns),
            ),
        )

    def _gamma(self, fair: float, others: tuple[Outcome, ...]) -> float:
        """Return gamma; one for a whole event, so that its reservations still sum to one."""
        prices = [fair, *(other.mid for other in others if other.mid >= logit.LONGSHOT)]
        if others and fair < logit.LONGSHOT:
            prices = prices[1:] or [fair]
        return max(logit.gamma_of_budget(price, self._config.logit_loss_usd) for price in prices)

    def _unwind_share(
        self, market: MarketView, fair: float, others: tuple[Outcome, ...], now_ns: int
    ) -> float:
        """Return the share of gamma in force: all of it near the end, and until measured."""
        if market.state is not MarketState.NORMAL:
            return 1.0
        known = self.learning
        measured = [(market.market_id, fair), *((other.market_id, other.mid) for other in others)]
        return max(
            logit.unwind_share(
                price,
                known.belief_volatility(market_id, now_ns),
                known.half_life_s(market_id, now_ns),
                self._config.logit_unwind_floor,
            )
            for market_id, price in measured
        )

    def _half_spread(
        self, market: MarketView, fair: float, widening: float, now_ns: int
    ) -> tuple[float, tuple[tuple[str, float], ...]]:
        config, fees = self._config, market.spec.fees
        prior = logit.adverse_shift(config.logit_alpha_prior)
        impact = self.learning.impact(
            market.market_id, now_ns, prior, config.logit_alpha_prior_shares
        )
        alpha = min(logit.informed_share(impact), config.logit_alpha_max)
        adverse = logit.adverse_shift(alpha)
        margin = config.logit_margin * widening
        per_share = logit.rebate_per_share(fair, fees.rate, fees.exponent, fees.rebate_share)
        rebate = config.logit_rebate_share * per_share / (fair * (1.0 - fair))
        half = max(0.0, adverse + margin - rebate)
        return half, (
            ("alpha", alpha),
            ("adverse_logit", adverse),
            ("margin_logit", margin),
            ("rebate_logit", rebate),
            ("half_logit", half),
        )

    def _measures(self, market_id: str, now_ns: int) -> tuple[tuple[str, float], ...]:
        """Return what is known of the market; what is not measured yet is left out."""
        volatility = self.learning.belief_volatility(market_id, now_ns)
        half_life_s = self.learning.half_life_s(market_id, now_ns)
        known = self.learning.markets().get(market_id)
        age_s = None if known is None else (now_ns - known.last_ns) / _SECOND_NS
        found = (
            ("belief_volatility_day", None if volatility is None else volatility * _DAY_S**0.5),
            ("inventory_half_life_s", half_life_s),
            ("evidence_age_s", age_s),
        )
        return tuple((name, value) for name, value in found if value is not None)

    # --- the report ------------------------------------------------------------------

    def section(self, now_ns: int) -> dict[str, Any]:
        """Return the measures, each with its source and age, of the latest 50 markets."""
        known = sorted(
            self.learning.markets().items(), key=lambda item: (-item[1].last_ns, item[0])
        )
        return {
            "source": "own fills and books; sums forgotten by half in logit_memory_h",
            "fills": dict(self.learning.counts),
            "account": self._evidence(self.learning.account, None, now_ns),
            "markets": {
                market_id: self._evidence(evidence, market_id, now_ns)
                for market_id, evidence in known[:_REPORTED_MARKETS]
            },
            "nulls": _NULLS,
        }

    def _evidence(self, of: Evidence, market_id: str | None, now_ns: int) -> dict[str, Any]:
        config = self._config
        earned, shares = of.effective.faded_sums(now_ns)
        lost, _ = of.adverse.faded_sums(now_ns)
        volatility = of.belief_volatility(now_ns)
        half_life_s = (
            of.half_life_s(0.0, now_ns)
            if market_id is None
            else self.learning.half_life_s(market_id, now_ns)
        )
        prior = logit.adverse_shift(config.logit_alpha_prior)
        impact = (
            of.mean_impact(now_ns, prior, config.logit_alpha_prior_shares)
            if market_id is None
            else self.learning.impact(market_id, now_ns, prior, config.logit_alpha_prior_shares)
        )
        return {
            "alpha": round(min(logit.informed_share(impact), config.logit_alpha_max), 6),
            "effective_half_spread_c": _cents(earned, shares),
            "price_impact_2m_c": _cents(lost, shares),
            "impact_per_half_spread": round(lost / earned, 6) if earned > 0 else None,
            "marked_shares": round(shares, 2),
            "belief_volatility_day": (
                None if volatility is None else round(volatility * math.sqrt(_DAY_S), 6)
            ),
            "inventory_half_life_s": None if half_life_s is None else round(half_life_s, 1),
            "age_s": round((now_ns - of.last_ns) / _SECOND_NS, 3) if of.last_ns else None,
        }


def loss_room(position: PositionView, budget_usd: float) -> tuple[int, int]:
    """Return how much more (bid, ask) fills may cost, in 1e-12 USD; negative when over the budget.

    What is held loses ``cost - payoff``: a bid's fill adds to the loss when NO wins, where the
    NO shares pay; an ask's to the loss when YES wins. What was earned or lost before on shares
    sold again is not in the cost, so it is a budget for what is held.
    """
    free_e12 = usd_e12(budget_usd) - position.cost_e12
    return (
        free_e12 + position.no_e6 * _USD_E12_PER_SHARE_E6,
        free_e12 + position.yes_e6 * _USD_E12_PER_SHARE_E6,
    )


def _size_e6(budget_usd: float, price_e4: int, most_e6: int, room_e12: int) -> int:
    """Return the size that neither its own budget, nor the step, nor the room is too small for."""
    roomy_e6 = max(0, room_e12) // (price_e4 * 100)
    return floor_size_e6(min(shares_e6(budget_usd, price_e4), most_e6, roomy_e6))


def _cents(total_usd: float, shares: float) -> float | None:
    return round(100.0 * total_usd / shares, 6) if shares > 0 else None
