"""The states of a real order and the one table of how it moves between them (quant.md B3).

    intent -> live -> cancel_sent -+-> ending -> filled | cancelled
       |       ^                   |
       +-> unknown ----------------+-> rejected

An order is UNKNOWN when its request was not answered: it may rest, now or later. It is ENDING
when the venue says it is over while fills may still be on their way: what it reserves is free
only when they are here, or when it is proven that there are no more.
"""

from __future__ import annotations

from enum import StrEnum


class OrderState(StrEnum):
    """Where a real order is, by what we asked and what the venue said."""

    INTENT = "intent"
    UNKNOWN = "unknown"
    LIVE = "live"
    CANCEL_SENT = "cancel_sent"
    ENDING = "ending"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class News(StrEnum):
    """What can happen to an order.

    ``over`` is the venue's word that nothing more will match; ``filled`` and ``cancelled`` that
    nothing more will be booked either. ``risen`` is evidence of an order that was held to be
    rejected.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    CANCEL_ASKED = "cancel_asked"
    CANCEL_REFUSED = "cancel_refused"
    OVER = "over"
    FILLED = "filled"
    CANCELLED = "cancelled"
    NEVER_ARRIVED = "never_arrived"
    RISEN = "risen"


OPEN = frozenset(
    {
        OrderState.INTENT,
        OrderState.UNKNOWN,
        OrderState.LIVE,
        OrderState.CANCEL_SENT,
        OrderState.ENDING,
    }
)
"""States that keep their reservation: something may still be booked."""

IN_DOUBT = frozenset({OrderState.INTENT, OrderState.UNKNOWN})
"""Nobody has said yet that the venue has the order."""

# A pair that is not here changes nothing and is counted: the venue repeats itself, and what it
# says comes late and out of order. An end is final, but for a rejection, which the venue may
# contradict: an order that was held not to have arrived can arrive.
TRANSITIONS: dict[tuple[OrderState, News], OrderState] = {
    (OrderState.INTENT, News.ACCEPTED): OrderState.LIVE,
    (OrderState.INTENT, News.REFUSED): OrderState.REJECTED,
    (OrderState.INTENT, News.UNANSWERED): OrderState.UNKNOWN,
    (OrderState.INTENT, News.OVER): OrderState.ENDING,
    (OrderState.UNKNOWN, News.ACCEPTED): OrderState.LIVE,
    (OrderState.UNKNOWN, News.REFUSED): OrderState.REJECTED,
    (OrderState.UNKNOWN, News.OVER): OrderState.ENDING,
    (OrderState.UNKNOWN, News.NEVER_ARRIVED): OrderState.REJECTED,
    (OrderState.LIVE, News.CANCEL_ASKED): OrderState.CANCEL_SENT,
    (OrderState.LIVE, News.OVER): OrderState.ENDING,
    (OrderState.LIVE, News.FILLED): OrderState.FILLED,
    (OrderState.CANCEL_SENT, News.CANCEL_REFUSED): OrderState.LIVE,
    (OrderState.CANCEL_SENT, News.OVER): OrderState.ENDING,
    (OrderState.CANCEL_SENT, News.FILLED): OrderState.FILLED,
    # Read by its id and still open, although a cancel was confirmed or it was not found before.
    (OrderState.ENDING, News.RISEN): OrderState.LIVE,
    (OrderState.ENDING, News.FILLED): OrderState.FILLED,
    (OrderState.ENDING, News.CANCELLED): OrderState.CANCELLED,
    (OrderState.REJECTED, News.RISEN): OrderState.LIVE,
}


def next_state(state: OrderState, news: News) -> OrderState | None:
    """Return where the news lead, None when they change nothing."""
    return TRANSITIONS.get((state, news))
