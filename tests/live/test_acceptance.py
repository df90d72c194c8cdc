"""A deposit, seen by the reconciler, accepted by the operator: booked once, and only as seen."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from live_venue import NO, START, YES, S
from live_words import Teller, a_fill
from operator_bench import ADDRESS, run
from polyframe.events import CashMoved
from polyframe.live_settings import ProductionSettings
from polyframe.money import SHARE_E6
from polyframe.runtime.live.account_folder import ACCEPT, AccountFolder
from polyframe.runtime.live.journal_rows import ReconciliationRow, RunRow
from polyframe.runtime.live.reconciler import Reconciler
from polyframe.runtime.live.reconciliation import Reconciliation
from polyframe.runtime.live.statements import Balances
from polyframe.runtime.live.store import LedgerStore
from polyframe.runtime.live.writer import AccountWriter

pytestmark = pytest.mark.anyio
USD = 10**12
FAST = 10_000.0


@pytest.fixture
def anyio_backend():
    return "asyncio"


class NothingResolves:
    """No market pays while these tests look."""

    def payouts_e6(self):
        return {}

    def look(self, held_e6, asked_ns, lag_ns):
        """Nobody turned anything in."""

    async def learn(self, token_ids):
        """There is nothing to learn."""


class World:
    """An account of 1,000 USD and 200 set aside, the venue's balances, and the comparisons."""

    def __init__(self, path: Any, pending_usd: float = 0.0) -> None:
        self.told = Teller()
        held = Balances(asked_ns=START, cash_e12=1200 * USD, tokens_e6={NO: 7 * SHARE_E6})
        self.told.take(self.told.ledger.statements.open_account(1000 * USD, held, START))
        self.cash_usd, self.tokens_e6 = 1200.0, {NO: 7 * SHARE_E6}
        self.told.wait(1000)
        self.folder = AccountFolder(path / "state", "live", ADDRESS)
        self.folder.make()
        self.events: list[Any] = []
        self.halts: list[str] = []
        self.settled: list[int] = []
        self.compared: list[Reconciliation] = []
        self.pending_e12 = round(pending_usd * USD)
        writer = AccountWriter(
            SimpleNamespace(apply=lambda rows: None), self.told.ledger, self.events.extend,  # type: ignore[arg-type]
            self.halts.append, lambda _: (), lambda _: None,
        )  # fmt: skip
        earnings = SimpleNamespace(pending_e12=lambda: self.pending_e12, settle=self.settled.append)
        self.writer = writer
        self.reconciler = Reconciler(
            self, self.told.ledger, writer, ProductionSettings(), clock=lambda: self.told.now,  # type: ignore[arg-type]
            speed=FAST, alarm=self._alarm, payouts=NothingResolves(), told=self.compared.append,
            earnings=earnings, acceptances=self.folder, line=lambda *_: None,  # type: ignore[arg-type]
        )  # fmt: skip

    def _alarm(self, hazard: Any, action: Any, detail: str = "") -> None:
        if action == "halt":
            self.halts.append(detail)

    async def balances(self, token_ids: Any) -> Any:
        held = {one: self.tokens_e6.get(one, 0) for one in {*token_ids, *self.tokens_e6}}
        self.told.wait(30)
        return SimpleNamespace(cash_e6=round(self.cash_usd * 10**6), tokens_e6=held)

    async def open_orders(self) -> list[Any]:
        return []

    async def fills_since(self, since_s: int) -> list[Any]:
        return []

    async def compare(self) -> Reconciliation:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.writer.run)
            found = await self.reconciler.compare()
            tasks.cancel_scope.cancel()
        return found

    def keep(self) -> None:
        """What a run leaves on disk: its last comparison, and the switch its halt threw."""
        store = LedgerStore(self.folder.store_path)
        store.apply([
            RunRow(run_id="run", started_ns=START, config_hash="c", version="0"),
            ReconciliationRow(
                ts_ns=self.told.now, run_id="run", found=self.compared[-1],
                is_beyond_bound=self.compared[-1].is_beyond_bound,
            ),
        ])  # fmt: skip
        store.close()
        self.folder.kill("differences", "polyframe run")


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return World(tmp_path)


def accepts(*more):
    return run("resume", "--accept-differences", *more)


async def test_a_deposit_halts_until_it_is_accepted_and_is_ours_then(world):
    world.cash_usd += 500
    assert (await world.compare()).is_beyond_bound
    assert len(world.halts) == 1
    world.keep()
    done = accepts()
    assert done.exit_code == 0, done.output
    assert "accepted: cash cash: ours 1200 USD, the venue's 1700 USD" in done.stdout
    assert not (await world.compare()).differences
    (moved,) = world.events
    assert isinstance(moved, CashMoved)
    assert moved.amount_e12 == 500 * USD
    assert len(world.halts) == 1
    # Once: what comes after it halts again.
    assert world.folder.accepted() is None
    world.cash_usd += 500
    assert (await world.compare()).is_beyond_bound


async def test_a_withdrawal_takes_what_was_set_aside_first(world):
    world.cash_usd -= 260
    await world.compare()
    world.keep()
    accepts()
    assert not (await world.compare()).differences
    assert [one.amount_e12 for one in world.events] == [-60 * USD]
    assert world.told.ledger.books.aside_cash_e12 == 0


async def test_what_is_not_what_was_seen_is_not_booked(world):
    world.cash_usd += 500
    await world.compare()
    world.keep()
    accepts()
    world.cash_usd -= 20  # and something else is wrong as well
    assert (await world.compare()).is_beyond_bound
    assert (len(world.halts), world.events) == (2, [])
    assert world.folder.accepted() is None


async def test_tokens_that_came_are_set_aside_and_ours_that_went_are_not_explained_away(world):
    order = world.told.resting()
    world.told.hear(a_fill(order, 10, "CONFIRMED"))
    world.told.wait(100)
    world.cash_usd -= 5
    world.tokens_e6 |= {NO: 10 * SHARE_E6, YES: 4 * SHARE_E6}
    await world.compare()
    world.keep()
    accepts()
    (left,) = (await world.compare()).differences
    assert (left.name, left.is_beyond_bound) == (YES, True)
    assert world.told.ledger.books.aside_tokens_e6 == {NO: 10 * SHARE_E6}


async def test_what_settles_is_waited_for_before_an_amount_is_believed(world):
    world.cash_usd += 500
    await world.compare()
    world.keep()
    accepts()
    order = world.told.resting()
    world.told.hear(a_fill(order, 10, "CONFIRMED"))  # the balance need not show it for a minute
    world.tokens_e6[YES] = 10 * SHARE_E6
    world.cash_usd -= 5
    assert not (await world.compare()).differences
    assert [one.amount_e12 for one in world.events] == [500 * USD]


async def test_the_verb_refuses_what_is_not_exact_or_not_there(world):
    world.folder.kill("enough", "me")
    assert "there is no account store" in accepts().output
    (world.folder.path / "KILL").unlink()
    order = world.told.resting()
    world.told.hear(a_fill(order, 10))
    world.cash_usd += 500
    await world.compare()
    world.keep()
    done = accepts()
    assert done.exit_code == 2
    assert "no amount is exact" in done.output
    assert world.folder.killed() is not None
    assert not (world.folder.path / ACCEPT).exists()


async def test_the_verb_accepts_nothing_where_nothing_halted(world):
    await world.compare()
    world.keep()
    assert "halted for none" in accepts().output
    assert world.folder.killed() is not None


async def test_what_is_accepted_is_said_in_json_too(world):
    world.cash_usd += 500
    await world.compare()
    world.keep()
    assert json.loads(accepts("--json").stdout)["accepted"] == [
        "cash cash: ours 1200 USD, the venue's 1700 USD"
    ]


async def test_a_resume_without_it_voids_an_earlier_acceptance(world):
    world.cash_usd += 500
    await world.compare()
    world.keep()
    accepts()
    world.folder.kill("again", "me")
    assert json.loads(run("resume", "--json").stdout)["killed"]["why"] == "again"
    assert world.folder.accepted() is None


async def test_an_acceptance_nobody_can_read_accepts_nothing(world):
    (world.folder.path / ACCEPT).write_bytes(b"{")
    world.cash_usd += 500
    assert (await world.compare()).is_beyond_bound


async def test_proceeds_under_way_pay_no_reward(tmp_path):
    world = World(tmp_path, pending_usd=6)
    buy = world.told.resting()
    world.told.hear(a_fill(buy, 10, "CONFIRMED"))
    world.told.wait(100)
    sell = world.told.resting(2, side="SELL", token_id=YES)
    world.told.hear(a_fill(sell, 20, trade_id="t2"))  # 10 USD, settled at the venue already
    world.cash_usd += 5
    await world.compare()
    assert max(world.settled) < 6 * USD
    assert START < world.told.now < START + 10_000 * S
