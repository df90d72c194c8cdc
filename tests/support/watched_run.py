"""A production run on the embedded exchange, watched from the exchange's side.

Run and exchange share this process and its event loop; between them is HTTP, as ever. What is
believed here is the exchange's registry of orders: when each came in, when each was gone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio

from exchange_side import KEY, PATIENCE_S, WALLET, ExchangeSide
from polyframe import Config, MarketView, Plugin, Quote, Veto, hookimpl
from polyframe.exchange.server import EmbeddedExchange
from polyframe.hazards import Hazard
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

ENVIRONMENT = {"POLY_PRIVATE_KEY": KEY, "POLY_SIGNATURE_TYPE": "0", "TRADING_ADDRESS": WALLET}

FILE = """
name: triggers
seed: 7
capital: {bankroll_usd: 1000}
cycle: {cycle_s: 5, warmup_books: 4, max_active: 8}
universe: {max_markets: 24}
feed: {ping_s: 0.15, pong_timeout_s: 0.6, backoff_cap_s: 0.5, first_book_s: 5}
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


class Line(NamedTuple):
    """A line of the run's log: market time (UTC ns), its words and fields."""

    ts_ns: int
    message: str
    fields: dict[str, object]


class WatchedRun(ExchangeSide):
    """One run, and what the exchange knows of it."""

    period_s = 0.05

    def __init__(self, exchange: EmbeddedExchange, folder: AccountFolder) -> None:
        super().__init__(exchange)
        self.folder = folder
        self.lines: list[Line] = []
        self.false_proofs: list[Line] = []
        self.machine: Machine | None = None
        self.store: LedgerStore | None = None
        self.result: dict[str, Any] | None = None
        self.error: BaseException | None = None
        self.skew_ns = 0
        self.ended = anyio.Event()
        self.finished = anyio.Event()

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

    def trouble(self) -> str:
        return f"the run has ended: {self.error!r}" if self.finished.is_set() else ""

    def tail(self) -> str:
        return "\n".join(f"{one.message} {one.fields}" for one in self.lines[-25:])

    def facts(self) -> dict[str, Any]:
        """What a report of this run is made of, as far as its safety goes."""
        return {"safety": safety(self.engine)}

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
    run = WatchedRun(exchange, account)
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
                make_run_folder(folder / "runs", f"run-{exchange.clock()}", strategy.config_hash),
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
