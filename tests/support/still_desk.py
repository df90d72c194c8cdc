"""An order desk over a simulation whose crowd never wakes, and short words to use it."""

from __future__ import annotations

import json
from typing import Any

from polyframe.events import Side
from polyframe.exchange.matching import MatchingBook
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.exchange.trading.events import AccountEvent
from polyframe.exchange.trading.orders import OrderRequest, Placement

START_NS = 1_796_000_000 * 10**9
S_NS = 10**9
ALICE, BOB = "0x" + "a1" * 20, "0x" + "b0" * 20


class StillDesk:
    """Places and cancels with one line each; time moves only when :meth:`wait` says so."""

    def __init__(self, *, seed: int = 7, markets: int = 24, funds_usd: float = 1_000.0) -> None:
        self.source = SimulatedSource(seed, markets, 1e-9, START_NS)
        self.desk = OrderDesk(self.source, seed=seed, funds_usd=funds_usd)
        self.now_ns = START_NS
        self.numbers = 0
        self.gamma = next(
            market
            for market in self.source.markets()
            if market.get("bestBid", 0) > 0.2
            and market.get("bestAsk", 1) < 0.8
            and market["secondsDelay"] == 0
            and market["orderPriceMinTickSize"] == 0.01
            and not market["negRisk"]
            and market["feesEnabled"]
        )
        self.market_id: str = self.gamma["conditionId"]
        self.yes, self.no = json.loads(self.gamma["clobTokenIds"])

    @property
    def book(self) -> MatchingBook:
        """The market's engine."""
        return self.source.matching_book(self.market_id)

    def wait(self, seconds: float) -> None:
        """Let market time pass."""
        self.now_ns += int(seconds * S_NS)
        self.desk.advance(self.now_ns, 1_000_000)

    def place(self, who: str = ALICE, **changes: Any) -> Placement:
        """Place an order: BUY 10 YES at a cent below the best bid unless told otherwise."""
        answers = self.place_later(who, **changes)
        assert len(answers) == 1, "the order is held: use place_later"
        return answers[0]

    def place_later(self, who: str = ALICE, **changes: Any) -> list[Placement]:
        """Place an order and return the list its answer comes into."""
        self.numbers += 1
        fields: dict[str, Any] = {
            "order_id": f"0x{self.numbers:064x}",
            "api_key": f"key-{who[:6]}",
            "signer": who,
            "wallet": who,
            "token_id": self.yes,
            "side": Side.BUY,
            "price_e4": (self.book.best_bid_e4 or 0) - 100,
            "size_e6": 10_000_000,
        }
        answers: list[Placement] = []
        self.desk.place(OrderRequest(**(fields | changes)), self.now_ns, answers.append)
        return answers

    def give(self, who: str, token_id: str, shares: int) -> None:
        """Put settled shares into a wallet."""
        self.desk.custody.wallet(who).add(token_id, shares * 10**6, self.now_ns)

    def events(self) -> list[AccountEvent]:
        """Return what the user channel would say since the last call."""
        return self.desk.take_events()
