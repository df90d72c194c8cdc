"""Orders that take: they walk the displayed book once, on arrival, and leave nothing behind.

What a taking order or a cross fill has used of a displayed level is not there for the next one,
until the level shows new size. The base and optimistic profiles take what is displayed when the
order arrives; the pessimistic one only what was displayed when it was sent as well.
"""

from __future__ import annotations

from polyframe.events import OrderCancelled, OrderEvent, OrderFilled, OrderRejected
from polyframe.money import PRICE_ONE_E4, complement_e4, taker_fee_e12
from polyframe.runtime.paper.executions import STALE_EVIDENCE_NS, Executions
from polyframe.runtime.paper.ledger import PaperFill
from polyframe.runtime.paper.market import Level, PaperMarket
from polyframe.runtime.paper.queue_model import BASE, PESSIMISTIC, PROFILES, QueuedOrder

NO_MATCH = (
    "no_match",
    "no orders found to match with FAK order. FAK orders are partially filled or killed if no "
    "match is found.",
)


def worst_fee_e12(market: PaperMarket, order: QueuedOrder) -> int:
    """Return the highest fee the order may pay: at a half, or as near as its limit lets it."""
    fees = market.fees
    worst_e4 = min(order.price_e4, PRICE_ONE_E4 // 2) if order.is_buy else order.price_e4
    return taker_fee_e12(worst_e4, order.size_e6, fees.rate, fees.exponent)


def take(
    market: PaperMarket,
    order: QueuedOrder,
    when_sent: dict[Level, int],
    executions: Executions,
    due_ns: int,
) -> list[OrderEvent]:
    """Execute a taking order in all profiles and return the base profile's answers."""
    events: list[OrderEvent] = []
    now = market.takeable(order)
    filled_e6 = 0
    for profile in range(len(PROFILES)):
        left_e6 = order.size_e6
        consumed = market.consumed_e6[profile]
        for level, shown_e6 in now:
            used_e6 = consumed.get(level, 0)
            if profile == PESSIMISTIC:
                shown_e6 = min(shown_e6, when_sent.get(level, 0))
            taken_e6 = min(left_e6, max(0, shown_e6 - used_e6))
            if taken_e6 <= 0:
                continue
            consumed[level] = used_e6 + taken_e6
            left_e6 -= taken_e6
            answer = _book(market, order, profile, level, taken_e6, executions, due_ns)
            if profile == BASE:
                filled_e6 += taken_e6
                events.append(answer)
    if not filled_e6:
        return [OrderRejected(due_ns, order.order_id, *NO_MATCH)]
    if filled_e6 < order.size_e6:
        events.append(OrderCancelled(due_ns, order.order_id, "unfilled"))
    return events


def _book(
    market: PaperMarket,
    order: QueuedOrder,
    profile: int,
    level: Level,
    size_e6: int,
    executions: Executions,
    due_ns: int,
) -> OrderFilled:
    yes_price_e4 = level[1]
    price_e4 = yes_price_e4 if order.is_yes else complement_e4(yes_price_e4)
    fees = market.fees
    fee_e12 = taker_fee_e12(price_e4, size_e6, fees.rate, fees.exponent)
    ledger = executions.ledgers[profile]
    proof_ns = market.proof_ns
    fill = PaperFill(
        ts_ns=due_ns,
        trade_id=f"{ledger.profile}-{len(ledger.fills) + 1}",
        order_id=order.order_id,
        market_id=order.market_id,
        is_yes=order.is_yes,
        is_buy=order.is_buy,
        price_e4=price_e4,
        size_e6=size_e6,
        cause="take",
        is_stale=proof_ns is None or due_ns - proof_ns > STALE_EVIDENCE_NS,
        fee_e12=fee_e12,
    )
    ledger.fill(fill, None)
    return OrderFilled(
        ts_ns=due_ns,
        order_id=order.order_id,
        trade_id=fill.trade_id,
        price_e4=price_e4,
        size_e6=size_e6,
        fee_e12=fee_e12,
        is_maker=False,
    )
