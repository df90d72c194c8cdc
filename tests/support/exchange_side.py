"""The embedded exchange as the judge of a production run: which orders it holds, and since when.

What is believed is its registry of orders, not what the run says. Faults, strangers and moved
money come from here too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import anyio
from eth_account import Account

from polyframe.events import Side
from polyframe.exchange.faults.script import fault_of
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.accounts import CASH
from polyframe.exchange.trading.orders import AccountOrder, OrderRequest
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.money import usd_e12

START_NS = 1_800_000_000 * 10**9
S_NS = 10**9
MARKETS = 24
KEY = f"0x{77:064x}"
WALLET: str = Account.from_key(KEY).address
STRANGER = "0x" + "5a" * 20
# Wall seconds after which something that market time should have brought has not come.
PATIENCE_S = 60.0
LOOK_S = 0.005


class Happened(NamedTuple):
    """An order came in or was gone: market time (UTC ns), its id, whether it came."""

    ts_ns: int
    order_id: str
    is_new: bool


class ExchangeSide:
    """What an exchange knows of the orders of :data:`WALLET`."""

    def __init__(self, exchange: EmbeddedExchange) -> None:
        self.exchange = exchange
        self.speed = exchange.clock.speed
        self.happened: list[Happened] = []
        self.orders_asked = 0  # requests to place that have reached it, refused ones too
        desk = exchange.private.desk
        add, close, refuse = desk.registry.add, desk.registry.close, desk.modes.refuse_order

        def watched_add(order: Any) -> None:
            add(order)
            if _is_watched(order):
                self.happened.append(Happened(self.now_ns, order.order_id, is_new=True))

        def watched_close(order: Any, status: str) -> None:
            close(order, status)
            if _is_watched(order):
                self.happened.append(Happened(self.now_ns, order.order_id, is_new=False))

        def watched_refuse(**asked: Any) -> Any:
            self.orders_asked += 1
            return refuse(**asked)

        desk.registry.add, desk.registry.close = watched_add, watched_close
        desk.modes.refuse_order = watched_refuse

    @property
    def now_ns(self) -> int:
        return self.exchange.clock()

    @property
    def resting(self) -> int:
        return len(self.open_orders())

    def open_orders(self) -> list[AccountOrder]:
        """The run's orders that the exchange holds."""
        found = self.exchange.private.desk.registry.open.values()
        return [order for order in found if _is_watched(order)]

    def came_since(self, ts_ns: int) -> list[Happened]:
        """Orders that came in after a moment."""
        return [one for one in self.happened if one.is_new and one.ts_ns > ts_ns]

    def last_gone_ns(self) -> int:
        """When the last order that is gone went."""
        return max(one.ts_ns for one in self.happened if not one.is_new)

    def fault(self, kind: str, **settings: Any) -> None:
        """Let something go wrong from now on."""
        fault = fault_of({"kind": kind, **settings})
        self.exchange.hand_out()
        self.exchange.injection.add([fault], from_now=True)
        self.exchange.injection.tick(self.now_ns)
        self.exchange.hand_out()

    def clear(self) -> None:
        """End every fault."""
        self.exchange.injection.clear()
        self.exchange.hand_out()

    def fund(self, usd: float) -> None:
        """Move cash in or out behind the run's back."""
        self.exchange.private.desk.custody.wallet(WALLET).add(CASH, usd_e12(usd), self.now_ns)

    def bids(self) -> list[OrderRequest]:
        """The run's open BUY orders, one a token."""
        found = [one.request for one in self.open_orders() if one.request.side is Side.BUY]
        return list({request.token_id: request for request in found}.values())

    def sell_into(self, bids: list[OrderRequest]) -> None:
        """A stranger sells through the books down to these bids, and through them."""
        desk = self.exchange.private.desk
        for number, bid in enumerate(bids):
            market_id = desk.terms(bid.token_id).market_id
            desk.custody.fund(STRANGER, bid.token_id, 10**12, self.now_ns, market_id)
            sold = OrderRequest(
                order_id=f"0x{self.now_ns + number:064x}", api_key="stranger", signer=STRANGER,
                wallet=STRANGER, token_id=bid.token_id, side=Side.SELL, price_e4=bid.price_e4,
                size_e6=10**12, order_type="FAK",
            )  # fmt: skip
            desk.place(sold, self.now_ns, lambda answer: None)
        self.exchange.hand_out()

    # --- waiting -----------------------------------------------------------------------

    def trouble(self) -> str:
        """Why waiting is in vain, "" while it is not."""
        return ""

    def tail(self) -> str:
        """What is shown of a wait in vain."""
        return ""

    async def until(self, is_so: Callable[[], bool], what: str, market_s: float = 120.0) -> float:
        """Wait until something is so; return the market seconds it took."""
        began_ns = self.now_ns
        with anyio.move_on_after(PATIENCE_S):
            while not is_so():
                if self.trouble() and not is_so():
                    raise AssertionError(f"{what}: in vain: {self.trouble()}")
                if self.now_ns - began_ns > market_s * S_NS:
                    break
                await anyio.sleep(LOOK_S)
        assert is_so(), f"{what}: not within {market_s:g} market s\n{self.tail()}"
        return (self.now_ns - began_ns) / S_NS

    async def pass_s(self, market_s: float) -> None:
        """Let market time pass."""
        due_ns = self.now_ns + round(market_s * S_NS)
        await self.until(lambda: self.now_ns >= due_ns, "time passing", 2 * market_s + 10)


@asynccontextmanager
async def exchange_of(speed: float, **terms: Any) -> AsyncIterator[EmbeddedExchange]:
    """Serve a simulated exchange with accounts."""
    source = SimulatedSource(7, MARKETS, 1.0, START_NS)
    exchange = EmbeddedExchange(source, speed=speed, accounts=PrivateTerms(seed=3, **terms))
    async with exchange:
        exchange.start()
        yield exchange


def _is_watched(order: AccountOrder) -> bool:
    return order.request.wallet.lower() == WALLET.lower()
