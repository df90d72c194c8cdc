"""The conserving queue: how far ahead the queue is, and what one print gives to whom.

Pure functions over :class:`QueuedOrder`. Three profiles live side by side on every order:
the same path, three readings of the evidence (quant.md A2.4, docs/paper-model.md).
Everything is in integer micro-shares, so no rounding can create volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

PROFILES = ("pessimistic", "base", "optimistic")
PESSIMISTIC, BASE, OPTIMISTIC = range(3)
# With n = 1 every share of the level is equally likely to be the one that was cancelled:
# the most generous attribution that still keeps the order of the queue (quant.md A2.3).
_OPTIMISTIC_POWER = 1.0
_NS_PER_MS = 1_000_000


def displayed_e6(shares: float) -> int:
    """Return a displayed size in micro-shares."""
    return round(shares * 1e6)


def profile_powers(queue_power: float) -> tuple[float | None, float | None, float | None]:
    """Return the cancel attribution exponent of each profile; None is risk averse."""
    return (None, max(queue_power, _OPTIMISTIC_POWER), _OPTIMISTIC_POWER)


def ahead_after_drop(ahead_e6: int, total_e6: int, drop_e6: int, power: float | None) -> int:
    """Return the queue ahead after ``drop_e6`` of a level's ``total_e6`` left without a print.

    R6: ``min(max(0, ahead - (ahead / total)^n * drop), total - drop)``, hftbacktest's Power3
    (quant.md A2.3). ``power`` None is the risk-averse model: cancellations are behind us
    until the display proves otherwise. Rounded against us to a whole micro-share.
    """
    remaining = max(total_e6 - drop_e6, 0)
    if power is None or total_e6 <= 0 or drop_e6 <= 0:
        return min(ahead_e6, remaining)
    front = min(ahead_e6, total_e6)
    if (4 * power).is_integer():
        # Exact, so that two depths never swap places by a rounding error; rounding down before
        # a whole root is taken changes nothing.
        quarters = int(4 * power)
        advance = isqrt(isqrt(drop_e6**4 * front**quarters // total_e6**quarters))
    else:
        advance = int(drop_e6 * (front / total_e6) ** power)
    return max(0, min(ahead_e6 - advance, remaining))


class QueuedOrder:
    """One own order on the paper venue; per-profile state is a list indexed like PROFILES.

    Attributes:
        price_e4: the token's own price; ``yes_price_e4`` and ``is_bid`` are the same order
            in the market's one YES-space queue (R11).
        number: age; the venue's time priority among own orders.
        ahead_e6: public shares in front of us.
        leaves_e6: our shares not yet filled.
        cross_credit_e6: filled because the book crossed us, print not yet seen (R5).
        cross_waiting, cross_episode: the base profile's wait for that print.
    """

    __slots__ = (
        "ahead_e6",
        "cross_credit_e6",
        "cross_episode",
        "cross_waiting",
        "effective_ns",
        "expires_ns",
        "first_fill_ns",
        "is_bid",
        "is_buy",
        "is_ended",
        "is_yes",
        "leaves_e6",
        "market_id",
        "max_displayed_e6",
        "number",
        "order_id",
        "price_e4",
        "sent_ns",
        "size_e6",
        "yes_price_e4",
    )

    def __init__(
        self,
        *,
        order_id: str,
        market_id: str,
        is_yes: bool,
        is_buy: bool,
        price_e4: int,
        size_e6: int,
        number: int,
        sent_ns: int,
        effective_ns: int,
        expires_ns: int | None,
    ) -> None:
        self.order_id = order_id
        self.market_id = market_id
        self.is_yes = is_yes
        self.is_buy = is_buy
        self.price_e4 = price_e4
        self.size_e6 = size_e6
        self.number = number
        self.sent_ns = sent_ns
        self.effective_ns = effective_ns
        self.expires_ns = expires_ns
        self.is_bid = is_yes == is_buy
        self.yes_price_e4 = price_e4 if is_yes else 10_000 - price_e4
        self.ahead_e6 = [0, 0, 0]
        self.leaves_e6 = [size_e6, size_e6, size_e6]
        self.first_fill_ns: list[int | None] = [None, None, None]
        self.cross_credit_e6 = [0, 0, 0]
        self.max_displayed_e6 = 0
        self.cross_waiting = False
        self.cross_episode = 0
        self.is_ended = False

    @property
    def priority(self) -> tuple[int, int]:
        """Sort key among own orders of one side: better price first, then older."""
        return (-self.yes_price_e4 if self.is_bid else self.yes_price_e4, self.number)

    def is_reached_by(self, price_e4: int) -> bool:
        """Whether a print at a YES price is at or through our price."""
        if self.is_bid:
            return price_e4 <= self.yes_price_e4
        return price_e4 >= self.yes_price_e4


def serve(
    profile: int,
    queue: Sequence[QueuedOrder],
    price_e4: int,
    pool_e6: int,
    printed_ms: int | None,
) -> tuple[list[tuple[QueuedOrder, int]], int]:
    """Share one print's volume among one side's queue (R3, R4) and move ``ahead`` on.

    A print through a price proves, by price priority, that no public share is ahead there
    any more; at its own price the public queue is served before us. One pool serves
    everything, so own fills plus public shares consumed never exceed the print.

    Args:
        profile: index into PROFILES.
        queue: own orders of one side, by priority; orders that only hold a cross credit too.
        price_e4: YES-space price of the print.
        pool_e6: its volume on this side.
        printed_ms: the venue's time of the trade; orders that arrived later are passed over.
            None: the venue's clock cannot be used.

    Returns:
        What each order gets (``leaves_e6`` is the caller's to reduce) and the volume left.
    """
    fills: list[tuple[QueuedOrder, int]] = []
    level_price = -1
    consumed = 0  # public shares consumed at this level, shared by the own orders there
    for order in queue:
        if not order.is_reached_by(price_e4):
            break
        if printed_ms is not None and printed_ms < order.effective_ns // _NS_PER_MS:
            continue
        if order.yes_price_e4 != level_price:
            level_price, consumed = order.yes_price_e4, 0
        if order.yes_price_e4 != price_e4:
            order.ahead_e6[profile] = 0
        ahead = order.ahead_e6[profile]
        if ahead > consumed:
            taken = min(ahead - consumed, pool_e6)
            consumed += taken
            pool_e6 -= taken
        order.ahead_e6[profile] = max(0, ahead - consumed)
        if pool_e6 <= 0:
            continue  # younger orders of the level still move up by what was consumed
        netted = min(order.cross_credit_e6[profile], pool_e6)
        order.cross_credit_e6[profile] -= netted
        pool_e6 -= netted
        filled = min(order.leaves_e6[profile], pool_e6)
        if filled > 0:
            pool_e6 -= filled
            fills.append((order, filled))
    return fills, pool_e6
