"""When the reconciler asks again, and when it lets go: a venue that answers badly, and noise."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from live_venue import START
from live_words import CANCELED, Teller, a_word
from polyframe.hazards import Action, Hazard
from polyframe.live_settings import ProductionSettings
from polyframe.polymarket.official_client import ClobError
from polyframe.runtime.live.reconciler import Reconciler
from polyframe.runtime.live.statements import Balances

pytestmark = pytest.mark.anyio
USD = 10**12


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Bench:
    """A reconciler beside a venue that says what it is told to, and fails when it is told to."""

    def __init__(self) -> None:
        self.told = Teller()
        held = Balances(asked_ns=START, cash_e12=1000 * USD)
        self.told.take(self.told.ledger.statements.open_account(1000 * USD, held, START))
        self.told.wait(1000)
        self.alarms: list[tuple[Hazard, Action | None]] = []
        self.asked: list[str] = []
        self.fails: dict[str, int] = {}
        self.meanwhile = lambda: None
        self.together = 1
        self.together_are_there = anyio.Event()
        payouts = SimpleNamespace(payouts_e6=dict, look=lambda *_: None, learn=self.learn)
        earnings = SimpleNamespace(pending_e12=lambda: 0, settle=lambda _: None)
        self.reconciler = Reconciler(
            self, self.told.ledger, self, ProductionSettings(), clock=lambda: self.told.now,  # type: ignore[arg-type]
            speed=10_000.0, alarm=self.alarm, payouts=payouts, told=lambda _: None,  # type: ignore[arg-type]
            earnings=earnings, acceptances=SimpleNamespace(accepted=lambda: None),  # type: ignore[arg-type]
            line=lambda *_: None,
        )  # fmt: skip

    def alarm(self, hazard: Hazard, action: Action | None, detail: str = "") -> None:
        self.alarms.append((hazard, action))

    def put(self, change: Any) -> None:
        self.told.take(change)

    async def learn(self, token_ids: Any) -> None:
        assert not list(token_ids)

    async def balances(self, token_ids: Any) -> Any:
        await anyio.lowlevel.checkpoint()
        self.meanwhile()
        return SimpleNamespace(cash_e6=1000 * 10**6, tokens_e6={})

    async def open_orders(self) -> list[Any]:
        return []

    async def fills_since(self, since_s: int) -> list[Any]:
        return []

    async def order(self, venue_id: str) -> Any:
        name = venue_id.removeprefix("0x")
        self.asked.append(name)
        if len(self.asked) == self.together:
            self.together_are_there.set()
        await self.together_are_there.wait()
        left = self.fails.get(name, 0)
        self.fails[name] = left - 1
        if left > 0:
            raise ClobError("no JSON")
        return a_word(self.orders[name], CANCELED)

    def doubted(self, count: int) -> None:
        self.orders = {}
        for number in range(1, count + 1):
            order = self.told.resting(number)
            self.orders[order.order_id] = order
            self.told.ledger.cancel_unanswered([order.order_id], self.told.now)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_one_order_that_cannot_be_read_keeps_no_other_from_being_read(bench):
    bench.doubted(3)
    bench.fails["o-000001"] = 9
    with pytest.raises(ClobError):
        await bench.reconciler.ask()
    assert bench.asked == ["o-000001", "o-000002", "o-000003"]
    assert [bench.told.state(one) for one in bench.orders.values()] == [
        "live", "cancelled", "cancelled",
    ]  # fmt: skip


async def test_what_is_doubted_is_asked_for_side_by_side(bench):
    bench.doubted(20)
    bench.together = 8
    with anyio.fail_after(10):
        await bench.reconciler.ask()
    assert {bench.told.state(one) for one in bench.orders.values()} == {"cancelled"}


async def test_a_comparison_asks_again_for_what_was_not_answered_and_for_nothing_else(bench):
    bench.doubted(3)
    bench.fails |= {"o-000001": 1, "o-000003": 2}
    found = await bench.reconciler.compare()
    assert found.differences == ()
    assert bench.asked == [f"o-00000{n}" for n in (1, 2, 3, 1, 3, 3)]
    assert bench.told.ledger.questions(bench.told.now).order_ids == ()


async def test_a_venue_that_does_not_answer_is_no_comparison(bench):
    bench.doubted(1)
    bench.fails["o-000001"] = 9
    with pytest.raises(ClobError):
        await bench.reconciler.compare()
    assert len(bench.asked) == 3
    assert bench.alarms == []


async def comparing(bench: Bench, looks: int) -> list[tuple[Hazard, Action | None]]:
    """Let it compare so many times, and return the alarms."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.reconciler.run_comparisons)
        with anyio.fail_after(10):
            while bench.reconciler.comparisons < looks:
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    return bench.alarms


async def test_what_is_wanted_meanwhile_holds_nobody_and_what_holds_waits_for_a_look_of_its_own(
    bench,
):
    bench.meanwhile = lambda: bench.reconciler.want("something unreadable")
    assert await comparing(bench, 3) == [(Hazard.RECONCILING, None)] * 3
    bench.alarms.clear()
    bench.meanwhile = lambda: bench.reconciler.hold("the user channel is back")
    assert (Hazard.RECONCILING, None) not in await comparing(bench, 6)
    bench.alarms.clear()
    bench.meanwhile = lambda: None
    assert (Hazard.RECONCILING, None) in await comparing(bench, 8)
