"""How much a market may still lose, and what one more leg would make of it. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

from polyframe import MarketState, QuoteLeg, Veto
from polyframe.money import ORDER_SIZE_STEP_E6, PRICE_ONE_E4, floor_size_e6, share_e12, usd
from polyframe_portfolio_risk.account import Rest
from polyframe_portfolio_risk.config import Config
from polyframe_portfolio_risk.exposure import Outcomes, ask_loss_e12, bid_loss_e12, market_loss_e12

MARKET_CAP = "portfolio_risk.market_cap"
CLUSTER_CAP = "portfolio_risk.cluster_cap"
AGGREGATE_CAP = "portfolio_risk.aggregate_cap"

BookSide = Literal["bid", "ask"]


class Caps(NamedTuple):
    """Largest worst-case losses in 1e-12 USD."""

    market_e12: int
    cluster_e12: int
    aggregate_e12: int


class Level(NamedTuple):
    """One cap as seen from one side of one market.

    ``before_e12`` is the exposure without any order of ours in the market; ``at_zero_e12``
    (signed) the loss, at a leg of no size, in the states in which that leg loses.
    """

    code: str
    cap_e12: int
    before_e12: int
    at_zero_e12: int

    @property
    def room_e12(self) -> int:
        """What the leg may lose: up to the cap, or up to what is lost without it.

        The second half is what lets a leg that only reduces pass when a cap is broken.
        """
        return max(self.cap_e12, self.before_e12) - self.at_zero_e12

    def growth_cap_e12(self, headroom_use: float) -> int:
        """The part of the cap that new risk may use.

        What rests already may use the cap to its end. Without the distance between the
        two, the first cent of lost equity breaks a cap filled to the brim, and every quote
        in every market is refused at once.
        """
        return share_e12(self.cap_e12, headroom_use)

    def allowed_e12(self, resting_e12: int, headroom_use: float) -> int:
        """What a leg may lose where our quotes resting on its side can lose ``resting_e12``."""
        growth_e12 = max(self.growth_cap_e12(headroom_use), self.before_e12) - self.at_zero_e12
        return max(growth_e12, min(resting_e12, self.room_e12))

    def refusal(
        self, side: BookSide, loss_e12: int, resting_e12: int, headroom_use: float
    ) -> Veto | None:
        """Return the veto of a leg that may not lose ``loss_e12``, with the limit it broke."""
        if loss_e12 <= self.allowed_e12(resting_e12, headroom_use):
            return None
        observed_e12, limit_e12 = self.held_to_e12(loss_e12, resting_e12, headroom_use)
        return Veto(self.code, side, usd(observed_e12), usd(limit_e12))

    def held_to_e12(self, loss_e12: int, resting_e12: int, headroom_use: float) -> tuple[int, int]:
        """Return the exposure with a leg that may lose ``loss_e12``, and the limit it meets.

        That is the part of the cap for new risk; beyond it the cap, which is broken, or which
        what rests already may use to its end.
        """
        observed_e12 = self.at_zero_e12 + loss_e12
        growth_e12 = self.growth_cap_e12(headroom_use)
        passes = loss_e12 <= self.allowed_e12(resting_e12, headroom_use)
        beyond = observed_e12 > (growth_e12 if passes else self.cap_e12)
        return observed_e12, self.cap_e12 if beyond else growth_e12


def state_factor(state: MarketState, config: Config) -> float:
    """Return the cap multiplier of a market's state; a state that is not quoted has none."""
    if state is MarketState.NORMAL:
        return 1.0
    if state is MarketState.WATCH:
        return config.watch_factor
    if state is MarketState.CLOSE_WINDOW:
        return config.close_window_factor
    return 0.0


def caps(equity_e12: int, hours_to_close: float | None, state: MarketState, config: Config) -> Caps:
    """Return the caps a leg in a market of this state and time to close must keep.

    Without equity nothing may be lost.
    """
    return shares_of(equity_e12, factor(hours_to_close, state, config), config)


def factor(hours_to_close: float | None, state: MarketState, config: Config) -> float:
    """Return what caps and budgets are multiplied by for a leg in a market.

    An unknown close counts as near.
    """
    is_near = hours_to_close is None or hours_to_close < config.near_close_h
    return state_factor(state, config) * (config.near_close_factor if is_near else 1.0)


def shares_of(equity_e12: int, factor: float, config: Config) -> Caps:
    """Return the caps for an equity, each times ``factor``."""
    return Caps(
        share_e12(equity_e12, config.market_cap_share * factor),
        share_e12(equity_e12, config.cluster_cap_share * factor),
        share_e12(equity_e12, config.aggregate_cap_share * factor),
    )


def levels(
    side: BookSide, held: Outcomes, rest: Rest, limits: Caps, staying_e12: int = 0
) -> tuple[Level, ...]:
    """Return the three caps as seen by a leg on one side of a market holding ``held``.

    Orders on the other side do not matter here: they lose in other states, and their own
    side is judged by itself. ``staying_e12`` is what the orders on the leg's own side lose
    that it does not replace.
    """
    if side == "bid":
        market_zero = staying_e12 - held.no_e12
        event_zero = staying_e12 + rest.event.loss_if_not(held)
    else:
        market_zero = staying_e12 - held.yes_e12
        event_zero = staying_e12 + rest.event.loss_if(held)
    event_before = rest.event.joined(held).loss_e12
    return (
        Level(MARKET_CAP, limits.market_e12, market_loss_e12(held), market_zero),
        Level(
            CLUSTER_CAP,
            limits.cluster_e12,
            rest.cluster_others_e12 + event_before,
            rest.cluster_others_e12 + event_zero,
        ),
        Level(
            AGGREGATE_CAP,
            limits.aggregate_e12,
            rest.aggregate_others_e12 + event_before,
            rest.aggregate_others_e12 + event_zero,
        ),
    )


def leg_loss_e12(side: BookSide, yes_price_e4: int, size_e6: int) -> int:
    """Return what a leg loses when its outcome does not come: p a share, or 1 - p for an ask."""
    return (bid_loss_e12 if side == "bid" else ask_loss_e12)(yes_price_e4, size_e6)


def fitting_size_e6(side: BookSide, yes_price_e4: int, room_e12: int) -> int:
    """Return the largest size, in whole 0.01-share steps, that loses no more than ``room_e12``."""
    if room_e12 <= 0 or not 0 < yes_price_e4 < PRICE_ONE_E4:
        return 0
    return floor_size_e6(room_e12 // leg_loss_e12(side, yes_price_e4, 1))


def shrunk(side: BookSide, leg: QuoteLeg, allowed_e12: int, min_size_e6: int) -> QuoteLeg:
    """Return the leg cut to what it may lose, but to no less than the least legal size.

    Where not even that fits, the veto refuses it, and names those caps only that leave no room.
    """
    least_e6 = -(-max(min_size_e6, 1) // ORDER_SIZE_STEP_E6) * ORDER_SIZE_STEP_E6
    most_e6 = max(least_e6, fitting_size_e6(side, leg.price_e4, allowed_e12))
    return leg if leg.size_e6 <= most_e6 else QuoteLeg(leg.price_e4, most_e6)
