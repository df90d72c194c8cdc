"""A production run on the embedded exchange, watched from the exchange's side.

Run and exchange share this process and its event loop; between them is HTTP, as ever. What is
believed here is the exchange's registry of orders: when each came in, when each was gone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from eth_account import Account

from polyframe import Config, MarketView, Plugin, Quote, Veto, hookimpl
from polyframe.events import Side
from polyframe.exchange.faults.script import fault_of
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.accounts import CASH
from polyframe.exchange.trading.orders import AccountOrder, OrderRequest
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.hazards import Hazard
from polyframe.money import usd_e12
from polyframe.polymarket.hosts import loopback_urls
from polyframe.runtime.assemble import Machine
from polyframe.runtime.engine import Engine
from polyframe.runtime.facts import safety
from polyframe.runtime.live import opening
from polyframe.runtime.live.account_folder import AccountFolder
from polyframe.runtime.live.run import trade_for_real
from polyframe.runtime.live.store import LedgerStore
from polyframe.runtime.plugins import configs_of, load_plugin_classes
from polyframe.runtime.run_state import make_run_folder
from polyframe.runtime.venues import Venue
from polyframe.secrets.credentials import load_credentials
from polyframe.strategy import PluginRequest, Strategy, load_strategy

START_NS = 1_800_000_000 * 10**9
S_NS = 10**9
MARKETS = 24
KEY_NUMBER = 77
KEY = f"0x{KEY_NUMBER:064x}"
WALLET: str = Account.from_key(KEY).address
STRANGER = "0x" + "5a" * 20
ENVIRONMENT = {"POLY_PRIVATE_KEY": KEY, "POLY_SIGNATURE_TYPE": "0", "TRADING_ADDRESS": WALLET}
# Wall seconds after which something that market time should have brought has not come.
PATIENCE_S = 60.0
_LOOK_S = 0.005

FILE = """
name: triggers
seed: 7
capital: {bankroll_usd: 1000}
cycle: {cycle_s: 5, warmup_books: 4, max_active: 8}
universe: {max_markets: 24}
feed: {ping_s: 0.2, pong_timeout_s: 1, backoff_cap_s: 0.5, first_book_s: 5}
quoting: {mutations_per_min: 2000}
limits: {max_order_usd: 100, max_market_usd: 250, max_total_usd: 4000, max_open_orders: 200,
  max_daily_loss_usd: 250}
tracing: {file: false}
plugins:
  portfolio_risk: {daily_loss_share: 0.05}
  tripwire: {}
  maker: {base_usd: 5}
  truth_report: {}
profiles: {paper: {}, production: {}}
"""


class Tripwire(Plugin):
    """A plugin that can veto: it refuses the markets it is told to, and fails when told to."""

    codes = ("tripwire.no",)
    fails = False
    refused: set[str] = set()

    Config = Config

    @hookimpl
    def pre_quote_veto(self, quote: Quote, market: MarketView) -> list[Veto] | None:
        """Veto what it was told to."""
        return [Veto("tripwire.no")] if market.market_id in Tripwire.refused else None

    @hookimpl
    def on_book(self, market: MarketView) -> None:
        """Fail, when told to."""
        if Tripwire.fails:
            raise RuntimeError("the wire was touched")


def strategy_of(folder: Path, text: str = FILE) -> tuple[Strategy, dict[str, type]]:
    """Return the production profile of a strategy file's text, and its plugins."""
    path = folder / "triggers.yaml"
    path.write_text(text)
    built_in = [PluginRequest(one) for one in ("portfolio_risk", "maker", "truth_report")]
    classes = {**load_plugin_classes(built_in, production=True), "tripwire": Tripwire}
    return load_strategy(path, "production", configs_of(classes)), classes


class Happened(NamedTuple):
    """An order came in or was gone: market time (UTC ns), its id, whether it came."""

    ts_ns: int
    order_id: str
    is_new: bool


class Line(NamedTuple):
    """A line of the run's log: market time (UTC ns), its words and fields."""

    ts_ns: int
    message: str
    fields: dict[str, object]


@dataclass
class WatchedRun:
    """One run, and what the exchange knows of it."""

    exchange: EmbeddedExchange
    folder: AccountFolder
    speed: float
    lines: list[Line] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    false_proofs: list[Line] = field(default_factory=list)
    machine: Machine | None = None
    store: LedgerStore | None = None
    result: dict[str, Any] | None = None
    error: BaseException | None = None
    skew_ns: int = 0
    ended: anyio.Event = field(default_factory=anyio.Event)
    finished: anyio.Event = field(default_factory=anyio.Event)
    period_s: float = 0.05
    _orders_asked: int = 0

    def __post_init__(self) -> None:
        registry = self.exchange.private.desk.registry
        add, close = registry.add, registry.close

        def watched_add(order: Any) -> None:
            add(order)
            if _is_watched(order):
                self.happened.append(Happened(self.now_ns, order.order_id, is_new=True))

        def watched_close(order: Any, status: str) -> None:
            close(order, status)
            if _is_watched(order):
                self.happened.append(Happened(self.now_ns, order.order_id, is_new=False))

        registry.add, registry.close = watched_add, watched_close
        refuse = self.exchange.private.desk.modes.refuse_order

        def watched_refuse(**asked: Any) -> Any:
            self._orders_asked += 1
            return refuse(**asked)

        self.exchange.private.desk.modes.refuse_order = watched_refuse

    # --- the exchange's side -----------------------------------------------------------

    @property
    def orders_asked(self) -> int:
        """Requests to place orders that have reached the exchange, refused ones too."""
        return self._orders_asked

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

    async def lose_money(self) -> None:
        """The run buys in a market, and that market resolves against it."""
        bid = self.bids()[0]
        terms = self.exchange.private.desk.terms(bid.token_id)
        self.sell_into([bid])
        await self.until(lambda: terms.market_id in self.engine.portfolio.held(), "a fill")
        pays = 0.0 if bid.token_id == terms.token_ids[0] else 1.0
        self.fault("resolve", market=terms.market_id, yes_pays=pays)

    async def resume(self) -> None:
        """Do what 'polyframe resume' does, once the switch is on disk."""
        await self.until(lambda: self.folder.killed() is not None, "the switch on disk")
        self.folder.resume()

    def fill_disk(self) -> None:
        """The account's database may not grow any more."""
        connection = self.store._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    # --- the run's side ----------------------------------------------------------------

    def line(self, message: str, fields: Mapping[str, object]) -> None:
        line = Line(self.now_ns, message, dict(fields))
        self.lines.append(line)
        if message in ("Cancel-all verified", "Book verified empty") and self.resting:
            self.false_proofs.append(line)

    def show(self, machine: Machine, venue: Venue, head: object, live: object = None) -> None:
        self.machine = machine

    def said(self, message: str, **fields: object) -> list[Line]:
        """Lines with these words and fields."""
        return [
            line
            for line in self.lines
            if line.message == message and fields.items() <= line.fields.items()
        ]

    @property
    def engine(self) -> Engine:
        assert self.machine is not None
        return self.machine.engine

    def standing(self) -> dict[Hazard, str]:
        found = self.engine.safety.standing
        return {hazard: str(one.action) for hazard, one in found.items()}

    async def until(self, is_so: Callable[[], bool], what: str, market_s: float = 120.0) -> float:
        """Wait until something is so; return the market seconds it took."""
        began_ns = self.now_ns
        with anyio.move_on_after(PATIENCE_S):
            while not is_so():
                if self.finished.is_set() and not is_so():
                    raise AssertionError(f"the run ended before: {what}: {self.error!r}")
                if self.now_ns - began_ns > market_s * S_NS:
                    break
                await anyio.sleep(_LOOK_S)
        if not is_so():
            tail = "\n".join(f"{one.message} {one.fields}" for one in self.lines[-25:])
            raise AssertionError(f"{what}: not within {market_s:g} market s\n{tail}")
        return (self.now_ns - began_ns) / S_NS

    async def pass_s(self, market_s: float) -> None:
        """Let market time pass."""
        due_ns = self.now_ns + round(market_s * S_NS)
        await self.until(lambda: self.now_ns >= due_ns, "time passing", 2 * market_s + 10)

    def facts(self) -> dict[str, Any]:
        """What a report of this run is made of, as far as its safety goes."""
        return {"safety": safety(self.engine)}

    async def until_exchange(self, is_so: Callable[[], bool], market_s: float) -> None:
        """Wait for the exchange alone, whatever became of the run."""
        due_ns = self.now_ns + round(market_s * S_NS)
        while not is_so() and self.now_ns < due_ns:  # noqa: ASYNC110 - nobody announces it
            await anyio.sleep(_LOOK_S)
        assert is_so()

    async def quoting(self, orders: int = 10, market_s: float = 60.0) -> float:
        """Wait until so many orders rest and no hazard stands."""
        return await self.until(
            lambda: self.machine is not None and self.resting >= orders and not self.standing(),
            f"{orders} orders resting without a hazard",
            market_s,
        )

    async def stop(self) -> dict[str, Any]:
        """Stop in order; return the summary."""
        self.ended.set()
        await self.finished.wait()
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result


@asynccontextmanager
async def exchange_of(speed: float, **terms: Any) -> AsyncIterator[EmbeddedExchange]:
    """Serve a simulated exchange with accounts."""
    source = SimulatedSource(7, MARKETS, 1.0, START_NS)
    exchange = EmbeddedExchange(source, speed=speed, accounts=PrivateTerms(seed=3, **terms))
    async with exchange:
        yield exchange


@asynccontextmanager
async def trading(
    folder: Path,
    exchange: EmbeddedExchange,
    *,
    text: str = FILE,
    for_s: float | None = None,
    orders: int = 10,
) -> AsyncIterator[WatchedRun]:
    """Run production at an exchange; when the block begins, orders rest."""
    urls = loopback_urls(exchange.urls.clob_url)
    account = AccountFolder(folder / "state", f"loopback-{exchange.urls.clob_url.rsplit(':')[-1]}",
                            WALLET)  # fmt: skip
    run = WatchedRun(exchange, account, exchange.clock.speed)
    Tripwire.fails, Tripwire.refused = False, set()
    strategy, classes = strategy_of(folder, text)
    venue = Venue(
        "url", "test", urls.gamma, urls.clob, urls.market_ws,
        lambda: exchange.clock() + run.skew_ns, exchange.clock.speed, run.ended,
        lambda: exchange.clock.lost_ns, urls,
    )  # fmt: skip
    credentials = load_credentials(ENVIRONMENT, folder)

    class Store(LedgerStore):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            run.store = self

    async def trade() -> None:
        try:
            run.result = await trade_for_real(
                strategy, classes, {name: "test==1" for name in classes}, venue,
                make_run_folder(folder / "runs", "20270115T080000Z", strategy.config_hash),
                folder / "reports", run, credentials, folder / "state", for_s,
            )  # fmt: skip
        except BaseException as error:  # noqa: BLE001 - the test asks which
            run.error = error
        finally:
            run.finished.set()

    before, opening.LedgerStore = opening.LedgerStore, Store
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(trade)
            if orders:
                await run.quoting(orders)
            yield run
            run.ended.set()
            with anyio.move_on_after(PATIENCE_S):
                await run.finished.wait()
            tasks.cancel_scope.cancel()
    finally:
        opening.LedgerStore = before
    assert not run.false_proofs, run.false_proofs


def _is_watched(order: AccountOrder) -> bool:
    return order.request.wallet.lower() == WALLET.lower()
