"""A pure venue that says only what is true: orders, trades and settlements, and words of them.

It knows no sockets and loses nothing by itself: what becomes of its words is the test's business.
"""

from dataclasses import dataclass, field
from random import Random

from polyframe.commands import PlaceOrder
from polyframe.events import Side
from polyframe.model import FeeSchedule
from polyframe.money import notional_e12, taker_fee_e12, usd_e12
from polyframe.polymarket.account_words import (
    OrderWord,
    TradeStatus,
    VenueFill,
    VenueOrder,
)

S = 10**9
START = 1_790_000_000 * S
SHARE = 1_000_000
MARKET, YES, NO = "0xm1", "tok-yes", "tok-no"
OTHER_MARKET, OTHER_YES, OTHER_NO = "0xm2", "tok-2-yes", "tok-2-no"
TOKENS = {MARKET: (YES, NO), OTHER_MARKET: (OTHER_YES, OTHER_NO)}
FEES = FeeSchedule(rate=0.05)
WAYS = (
    ("MINED", "CONFIRMED"),
    ("MINED", "CONFIRMED"),
    ("CONFIRMED",),
    ("RETRYING", "MINED", "CONFIRMED"),
    ("FAILED",),
    ("RETRYING", "FAILED"),
    ("MINED", "RETRYING", "FAILED"),
    ("MINED", "RETRYING", "MINED", "CONFIRMED"),
)
ON_CHAIN = {TradeStatus.MINED, TradeStatus.CONFIRMED}


def venue_id(order_id: str) -> str:
    return f"0x{order_id}"


@dataclass
class TrueOrder:
    command: PlaceOrder
    matched_e6: int = 0
    word: OrderWord = OrderWord.LIVE
    reason: str = ""
    created_ns: int = 0
    is_forgotten: bool = False

    @property
    def is_open(self) -> bool:
        return self.word is OrderWord.LIVE

    @property
    def leaves_e6(self) -> int:
        return self.command.size_e6 - self.matched_e6


@dataclass
class TrueTrade:
    trade_id: str
    legs: list[tuple[str, int, int, int, bool]]  # order id, leg, price e4, size e6, is maker
    matched_ns: int
    to_come: list[TradeStatus]
    status: TradeStatus = TradeStatus.MATCHED
    at_balance: list[tuple[int, bool]] = field(default_factory=list)


class TrueVenue:
    """Orders by our id, trades, cash and tokens; ``words`` are what the user channel would say."""

    def __init__(self, rng: Random, cash_usd: float = 1000.0) -> None:
        self.rng = rng
        self.now_ns = START
        self.orders: dict[str, TrueOrder] = {}
        self.trades: dict[str, TrueTrade] = {}
        self.words: list[VenueOrder | VenueFill] = []
        self.cash_e12 = usd_e12(cash_usd)
        self.tokens_e6: dict[str, int] = {}
        self.past: list[tuple[int, int, dict[str, int]]] = []

    def remember(self) -> None:
        """Keep the balances of this moment: a cache may show them later."""
        self.past = [one for one in self.past if one[0] >= self.now_ns - 30 * S]
        self.past.append((self.now_ns, self.cash_e12, dict(self.tokens_e6)))

    # --- what happens ----------------------------------------------------------------

    def arrive(self, command: PlaceOrder) -> None:
        order = TrueOrder(command, created_ns=self.now_ns)
        self.orders[command.order_id] = order
        self.tell_order(order)
        if not command.post_only:
            for _ in range(self.rng.randint(0, 2)):
                self.take(order)
            if order.is_open:
                full = self.rng.random() < 0.5
                self.end(order, OrderWord.MATCHED if full and order.matched_e6
                         else OrderWord.CANCELED)  # fmt: skip

    def take(self, order: TrueOrder) -> None:
        """Our order meets one to three others at one price: so many legs of one trade."""
        legs, count = [], self.rng.randint(1, 3)
        for leg in range(count):
            size_e6 = self.part(order)
            if not size_e6:
                break
            order.matched_e6 += size_e6
            legs.append((order.command.order_id, leg, order.command.price_e4, size_e6, False))
        self.trade(legs)
        self.after_match(order)

    def match(self, orders: list[TrueOrder]) -> None:
        """Somebody takes from several of our orders in one trade."""
        legs = []
        for order in orders:
            size_e6 = self.part(order)
            if order.is_open and size_e6:
                order.matched_e6 += size_e6
                legs.append((order.command.order_id, 0, order.command.price_e4, size_e6, True))
        self.trade(legs)
        for order in orders:
            self.after_match(order)

    def part(self, order: TrueOrder) -> int:
        """How much is matched now; the last hundredth of a share may stay behind as dust."""
        leaves_e6 = order.leaves_e6
        if leaves_e6 <= 10_000:
            return leaves_e6
        kind = self.rng.random()
        if kind < 0.4:
            return leaves_e6
        return max(1, min(leaves_e6, self.rng.randrange(leaves_e6) // 10_000 * 10_000 or leaves_e6))

    def after_match(self, order: TrueOrder) -> None:
        if order.is_open and order.leaves_e6 == 0:
            order.word = OrderWord.MATCHED
        self.tell_order(order)

    def trade(self, legs: list[tuple[str, int, int, int, bool]]) -> None:
        if not legs:
            return
        trade = TrueTrade(f"t{len(self.trades)}", legs, self.now_ns,
                          [TradeStatus(word) for word in self.rng.choice(WAYS)])  # fmt: skip
        self.trades[trade.trade_id] = trade
        self.tell_trade(trade)

    def settle(self, trade: TrueTrade) -> None:
        if not trade.to_come:
            return
        was_on_chain = trade.status in ON_CHAIN
        trade.status = trade.to_come.pop(0)
        is_on_chain = trade.status in ON_CHAIN
        if was_on_chain != is_on_chain:
            self.move(trade, 1 if is_on_chain else -1)
        self.tell_trade(trade)

    def move(self, trade: TrueTrade, sign: int) -> None:
        for order_id, leg, price_e4, size_e6, _ in trade.legs:
            command = self.orders[order_id].command
            buys = sign if command.side is Side.BUY else -sign
            self.cash_e12 -= buys * notional_e12(price_e4, size_e6)
            token = command.token_id
            self.tokens_e6[token] = self.tokens_e6.get(token, 0) + buys * size_e6
            if leg == 0:
                self.cash_e12 -= sign * self.fee_e12(trade, order_id)

    def fee_e12(self, trade: TrueTrade, order_id: str) -> int:
        """The venue rounds the fee of a trade, whatever number of makers it met."""
        taken = [leg for leg in trade.legs if leg[0] == order_id and not leg[4]]
        if not taken:
            return 0
        size_e6 = sum(leg[3] for leg in taken)
        return taker_fee_e12(taken[0][2], size_e6, FEES.rate, FEES.exponent)

    def end(self, order: TrueOrder, word: OrderWord, reason: str = "") -> None:
        if order.is_open:
            order.word, order.reason = word, reason
            self.tell_order(order)

    def lose(self, order: TrueOrder) -> None:
        """The engine restarts and forgets it, telling nobody."""
        order.word = OrderWord.CANCELED
        order.is_forgotten = self.rng.random() < 0.5

    # --- what it says ----------------------------------------------------------------

    def tell_order(self, order: TrueOrder) -> None:
        self.words.append(self.order_word(order))

    def tell_trade(self, trade: TrueTrade) -> None:
        self.words.extend(self.fill_words(trade))

    def order_word(self, order: TrueOrder) -> VenueOrder:
        command = order.command
        return VenueOrder(
            ts_ns=self.now_ns, order_id=venue_id(command.order_id), owner="key",
            market_id=command.market_id, token_id=command.token_id, side=command.side,
            price_e4=command.price_e4, size_e6=command.size_e6, matched_e6=order.matched_e6,
            word=order.word, reason=order.reason, created_s=order.created_ns // S,
        )  # fmt: skip

    def fill_words(self, trade: TrueTrade) -> list[VenueFill]:
        return [
            VenueFill(
                ts_ns=self.now_ns, trade_id=trade.trade_id, order_id=venue_id(order_id), leg=leg,
                market_id=self.orders[order_id].command.market_id,
                token_id=self.orders[order_id].command.token_id,
                side=self.orders[order_id].command.side, price_e4=price_e4, size_e6=size_e6,
                is_maker=is_maker, status=trade.status, match_time_s=trade.matched_ns // S,
            )
            for order_id, leg, price_e4, size_e6, is_maker in trade.legs
        ]  # fmt: skip

    # --- what it answers -------------------------------------------------------------

    def read_order(self, wanted: str) -> VenueOrder | None:
        order = self.orders.get(wanted.removeprefix("0x"))
        return None if order is None or order.is_forgotten else self.order_word(order)

    def read_open(self) -> list[VenueOrder]:
        return [self.order_word(order) for order in self.orders.values() if order.is_open]

    def read_trades(self, since_s: int, lag_ns: int = 0) -> list[VenueFill]:
        """With a lag the newest trades are not shown yet."""
        return [
            word
            for trade in self.trades.values()
            if trade.matched_ns // S >= since_s and trade.matched_ns + lag_ns <= self.now_ns
            for word in self.fill_words(trade)
        ]

    # --- what is true in the end -----------------------------------------------------

    def true_fills(self) -> dict[tuple[str, str, int], tuple[int, int]]:
        """Price and size of every fill that did not fail, by identity."""
        return {
            (trade.trade_id, venue_id(order_id), leg): (price_e4, size_e6)
            for trade in self.trades.values()
            if trade.status is not TradeStatus.FAILED
            for order_id, leg, price_e4, size_e6, _ in trade.legs
        }
