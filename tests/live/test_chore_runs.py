"""Chores as a run does them: durable before asked, booked when done, settled by balances when not.

The exchange's chain moves the tokens; that the wallet holds them is arranged on both sides: the
ledger hears of fills, the exchange's custody is given what they would have brought.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from chain_venue import (
    FAST,
    WALLETS,
    chain_trader,
    desk_of,
    give,
    holdings,
    market_of,
    resolve,
    strike,
    tokens_of,
)
from client_venue import Quiet, open_exchange
from polyframe.commands import MergePairs, PlaceOrder, RedeemTokens, RefreshAllowances
from polyframe.events import (
    AllowancesRefreshed,
    Event,
    MergeFailed,
    PairsMerged,
    RedeemFailed,
    Side,
    TokensRedeemed,
)
from polyframe.exchange.faults import settlement_kinds as settlement
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.trading.accounts import CASH
from polyframe.money import SHARE_E6
from polyframe.polymarket.account_words import Placement, PlaceResult, TradeStatus, VenueFill
from polyframe.polymarket.chores import Chores
from polyframe.polymarket.gamma_market import parse_market
from polyframe.runtime.live.chore_runner import ChoreRunner
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.statements import Balances, Statements
from polyframe.runtime.live.store import LedgerStore
from polyframe.runtime.live.writer import AccountWriter

pytestmark = pytest.mark.anyio
SHARES_E6 = 30 * SHARE_E6
WALLET = WALLETS["EOA"]
PATIENCE_S = 20.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _loopback_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


class HeldAtTheVenue:
    """What the exchange says the wallet holds, as :class:`Clob` reads it."""

    def __init__(self, exchange: EmbeddedExchange) -> None:
        self._custody = desk_of(exchange).custody

    async def balances(self, token_ids: Any) -> Any:
        class Held:
            tokens_e6 = {one: self._custody.balance(WALLET, one) for one in token_ids}
            cash_e6 = self._custody.balance(WALLET, CASH) // 10**6

        return Held


class Bench:
    """A ledger that holds pairs of one market, on disk, and a runner for its chores."""

    def __init__(
        self,
        exchange: EmbeddedExchange,
        market: Quiet,
        client: Any,
        path: Path,
        held: tuple[int, int],
    ) -> None:
        self.exchange, self.market = exchange, market
        self.spec: Any = parse_market(market.gamma)
        self.tokens = tokens_of(market)
        self.events: list[Event] = []
        self.lines: list[str] = []
        self.path = path
        self.store = LedgerStore(path)
        self.payout_e6: int | None = None
        now_ns = exchange.clock()
        self.store.begin_run("run", now_ns, "hash", "0")
        self.ledger = LiveLedger(
            self.store.load().account, run_id="run", fees=lambda _: None, unknown_after_ns=10**9
        )
        self.writer = AccountWriter(
            self.store, self.ledger, self.events.extend, self.lines.append, lambda _: [],
            lambda _: None,
        )  # fmt: skip
        self.runner = ChoreRunner(
            Chores(client, again_s=0.01), HeldAtTheVenue(exchange), self.ledger, self.writer,  # type: ignore[arg-type]
            clock=exchange.clock, speed=FAST, spec_of=lambda _: self.spec,
            payout_e6=lambda _: self.payout_e6, compare=lambda _: None,
            line=lambda message, fields: self.lines.append(message),
        )  # fmt: skip
        if not self.ledger.books.is_opened:
            self._hold(held, now_ns)

    def _hold(self, held: tuple[int, int], now_ns: int) -> None:
        custody = desk_of(self.exchange).custody
        cash_e12 = custody.balance(WALLET, CASH)
        changes = [
            Statements(self.ledger.books).open_account(
                cash_e12, Balances(asked_ns=now_ns, cash_e12=cash_e12), now_ns
            )
        ]
        give(self.exchange, WALLET, self.market, *held)
        for number, (token, size_e6) in enumerate(zip(self.tokens, held, strict=True), start=1):
            if not size_e6:
                continue
            custody.fund(WALLET, CASH, -size_e6 * 5000 * 100, now_ns)
            place = PlaceOrder(
                f"o-{number:06d}", self.market.condition_id, token, Side.BUY, 5000, size_e6, None,
                True, "maker", number,
            )  # fmt: skip
            venue_id = f"0x{number:064x}"
            changes.append(self.ledger.intend(place, venue_id, b"body", now_ns))
            answer = Placement(order_id=venue_id, result=PlaceResult.ACCEPTED)
            changes.append(self.ledger.placed(answer, now_ns))
            fill = VenueFill(
                ts_ns=now_ns, trade_id=f"t{number}", order_id=venue_id, leg=0,
                market_id=self.market.condition_id, token_id=token, side=Side.BUY, price_e4=5000,
                size_e6=size_e6, is_maker=True, status=TradeStatus.CONFIRMED,
                match_time_s=now_ns // 10**9,
            )  # fmt: skip
            changes.append(self.ledger.heard([fill], now_ns))
        for change in changes:
            self.store.apply(change.rows)
            self.ledger.given(change)

    async def until(self, kind: type[Event]) -> Event:
        """The first event of a kind."""
        with anyio.fail_after(PATIENCE_S):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                await anyio.sleep(0.005)

    def equal_books(self) -> None:
        """What we have stored is what the exchange holds, to the unit."""
        cash_e12, yes_e6, no_e6 = holdings(self.exchange, WALLET, self.market)
        books = self.ledger.books
        assert books.wallet_cash_e12 == cash_e12
        held = books.wallet_tokens_e6()
        assert (held.get(self.tokens[0], 0), held.get(self.tokens[1], 0)) == (yes_e6, no_e6)


@asynccontextmanager
async def benched(
    tmp_path: Path, kind: str = "standard", held: tuple[int, int] = (SHARES_E6, SHARES_E6)
) -> AsyncIterator[Bench]:
    """A bench whose tasks run, on an exchange whose chain runs."""
    async with open_exchange(FAST) as exchange:
        exchange.start()
        async with chain_trader(exchange, "EOA") as client:
            bench = Bench(exchange, market_of(exchange, kind), client, tmp_path / "a.sqlite", held)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(bench.writer.run)
                tasks.start_soon(bench.runner.run)
                yield bench
                tasks.cancel_scope.cancel()


@pytest.mark.parametrize("kind", ["standard", "neg_risk", "v2"])
async def test_pairs_become_dollars_and_both_books_say_so(tmp_path: Path, kind: str) -> None:
    async with benched(tmp_path, kind, (SHARES_E6, 2 * SHARES_E6)) as bench:
        bench.runner.put(MergePairs("m-0001", bench.market.condition_id, SHARES_E6))
        merged = await bench.until(PairsMerged)
        assert merged.merge_id == "m-0001"  # type: ignore[attr-defined]
        bench.equal_books()
        assert bench.ledger.books.wallet_tokens_e6() == {bench.tokens[1]: SHARES_E6}
        assert bench.runner.done == 1


async def test_a_winner_is_redeemed_and_the_loser_goes_with_it(tmp_path: Path) -> None:
    async with benched(tmp_path, held=(SHARES_E6, SHARES_E6 // 2)) as bench:
        bench.runner.put(RedeemTokens("r-0001", bench.market.condition_id))
        assert "has not resolved" in (await bench.until(RedeemFailed)).message  # type: ignore[attr-defined]
        resolve(bench.exchange, bench.market)
        bench.payout_e6 = SHARE_E6
        bench.runner.put(RedeemTokens("r-0002", bench.market.condition_id))
        await bench.until(TokensRedeemed)
        bench.equal_books()
        assert bench.ledger.books.wallet_tokens_e6() == {}


async def test_what_the_chain_refuses_moves_nothing(tmp_path: Path) -> None:
    async with benched(tmp_path) as bench:
        strike(bench.exchange, settlement.FailedTransactions())
        bench.runner.put(MergePairs("m-0001", bench.market.condition_id, SHARES_E6))
        await bench.until(MergeFailed)
        bench.equal_books()
        assert (bench.runner.done, bench.runner.failed) == (0, 1)


async def test_a_merge_that_a_crash_cut_off_is_settled_by_the_balances(tmp_path: Path) -> None:
    async with benched(tmp_path) as bench:
        command = MergePairs("m-0001", bench.market.condition_id, SHARES_E6)
        change = bench.ledger.conversions.merge_asked(command, bench.tokens, bench.exchange.clock())
        assert await bench.writer.durable(change)
        # The request left, and the process died before the answer: the chain did it.
        give(bench.exchange, WALLET, bench.market, -SHARES_E6, -SHARES_E6)
        desk_of(bench.exchange).custody.fund(
            WALLET, CASH, SHARES_E6 * SHARE_E6, bench.exchange.clock()
        )
        bench.store.close()
        again = Bench(bench.exchange, bench.market, None, bench.path, (0, 0))
        assert [row.conversion_id for row in again.ledger.conversions.under_way()] == ["m-0001"]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(again.writer.run)
            tasks.start_soon(again.runner.run)
            await again.until(PairsMerged)
            tasks.cancel_scope.cancel()
        again.equal_books()


async def test_allowances_are_given_anew_and_the_engine_hears_of_it(tmp_path: Path) -> None:
    async with benched(tmp_path) as bench:
        strike(bench.exchange, settlement.AllowanceRevoked())
        bench.runner.put(RefreshAllowances("an order was refused"))
        assert await bench.until(AllowancesRefreshed)
        refreshed = await bench.until(AllowancesRefreshed)
        assert refreshed.message == ""  # type: ignore[attr-defined]
        assert "Approved" in bench.lines
