"""What the venue refuses (R13), and what open orders have reserved of a finite account."""

from __future__ import annotations

from polyframe.commands import PlaceOrder
from polyframe.money import ORDER_SIZE_STEP_E6, PRICE_ONE_E4, notional_e12, price_text, size_text
from polyframe.runtime.paper.ledger import Account
from polyframe.runtime.paper.market import PaperMarket
from polyframe.runtime.paper.queue_model import QueuedOrder

# venue.md 4.2: expiration >= now + 180 s while the order dies 60 s before it.
MIN_LIFE_NS = 120 * 10**9
Refusal = tuple[str, str]


def refuse_command(command: PlaceOrder, market: PaperMarket, sent_ns: int) -> Refusal | None:
    """Return (code, message) when the order can be refused without looking at the account.

    The life of a GTD order counts from when it was sent: that is what the client can know.
    """
    if market.is_closed:
        return "market_closed", "the market is closed"
    if not market.is_accepting:
        return "not_accepting", "the market does not accept orders"
    tick_e4 = market.tick_e4
    if command.price_e4 % tick_e4 or not tick_e4 <= command.price_e4 <= PRICE_ONE_E4 - tick_e4:
        tick, price = price_text(tick_e4), price_text(command.price_e4)
        return "off_tick", f"price {price} is not a multiple of {tick} in [{tick}, 1 - {tick}]"
    if command.size_e6 <= 0 or command.size_e6 % ORDER_SIZE_STEP_E6:
        return "size_step", f"size {size_text(command.size_e6)} is not a multiple of 0.01"
    if command.size_e6 < market.min_size_e6:
        least = size_text(market.min_size_e6)
        return "below_min_size", f"size {size_text(command.size_e6)} is below {least}"
    if command.expires_ns is not None and command.expires_ns - sent_ns < MIN_LIFE_NS:
        return "expires_too_soon", "a GTD order must live at least 120 s"
    if not market.is_book_known:
        return "no_book", "no book to check the order against: it is not simulated"
    return None


class Funds:
    """Cash and shares promised to open orders; a reservation is never spent twice.

    Args:
        account: the executing profile's account.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._reserved_e12 = 0
        self._reserved_e6: dict[tuple[str, bool], int] = {}

    def refuse(self, order: QueuedOrder, fee_e12: int = 0) -> Refusal | None:
        """Return (code, message) when the account cannot cover the order and its fee."""
        if order.is_buy:
            cost_e12 = notional_e12(order.price_e4, order.size_e6) + fee_e12
            is_short = self.cash_short_e12() + cost_e12 > 0
        else:
            is_short = self.shares_short_e6(order.market_id, order.is_yes) + order.size_e6 > 0
        if is_short:
            return "insufficient_balance", "not enough balance less open orders"
        return None

    def cash_short_e12(self) -> int:
        """Return reserved less owned cash: positive when BUY orders are no longer covered."""
        return self._reserved_e12 - self._account.cash_e12

    def shares_short_e6(self, market_id: str, is_yes: bool) -> int:
        """Return reserved less held shares of a token: positive when SELLs are not covered."""
        reserved = self._reserved_e6.get((market_id, is_yes), 0)
        return reserved - self._account.held_e6(market_id, is_yes)

    def free_pairs_e6(self, market_id: str) -> int:
        """Return the pairs of YES and NO that are held and promised to no SELL order."""
        shorts = (self.shares_short_e6(market_id, is_yes) for is_yes in (True, False))
        return max(0, -max(shorts))

    def reserve(self, order: QueuedOrder, size_e6: int) -> None:
        """Promise what ``size_e6`` of the order may cost (negative: give it back)."""
        if order.is_buy:
            self._reserved_e12 += notional_e12(order.price_e4, size_e6)
            return
        key = (order.market_id, order.is_yes)
        left = self._reserved_e6.get(key, 0) + size_e6
        if left:
            self._reserved_e6[key] = left
        else:
            self._reserved_e6.pop(key, None)
