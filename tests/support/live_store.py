"""Accounts on a real disk: some rows of every kind, and the rehearsal's disk as SQLite."""

from collections.abc import Iterable
from pathlib import Path
from random import Random

from live_rehearsal import Rehearsal, booked_of
from live_venue import MARKET, NO, START, YES
from live_words import Teller, a_fill, an_order
from polyframe.commands import MergePairs, RedeemTokens
from polyframe.money import SHARE_E6
from polyframe.runtime.carried import CarriedAccount, CarriedPosition
from polyframe.runtime.live.journal_rows import RunRow
from polyframe.runtime.live.rows import AccountRow, FillRow
from polyframe.runtime.live.statements import Balances
from polyframe.runtime.live.store import LedgerStore
from polyframe.runtime.live.stored_account import StoredAccount

RUN = "run"


def a_snapshot(run_id: str = RUN) -> CarriedAccount:
    return CarriedAccount(
        run_id=run_id, cash_e12=10**21, peak_equity_e12=7, day=None, day_start_equity_e12=5,
        positions=(
            CarriedPosition(market_id=MARKET, yes_e6=1, no_e6=2, yes_cost_e12=3, no_cost_e12=4,
                            yes_mark_e6=500_000, net_yes_e6={"maker": -1}),
        ),
    )  # fmt: skip


def filled_store(store: LedgerStore) -> list[AccountRow]:
    """Apply one booking of every kind, an order that ended and one that is unknown."""
    told = Teller()
    statements, conversions = told.ledger.statements, told.ledger.conversions
    held = Balances(asked_ns=START, cash_e12=1500 * 10**12, tokens_e6={})
    told.take(statements.open_account(1000 * 10**12, held, START))
    order = told.resting(1)
    told.hear(a_fill(order, 10))
    told.hear(a_fill(order, 10, "FAILED"))
    unknown = an_order(2)
    told.intend(unknown)
    told.placed(unknown, "unknown")
    told.take(conversions.merge_asked(MergePairs("m-0001", MARKET, SHARE_E6), (YES, NO), START))
    told.take(conversions.done("m-0001", START))
    told.take(conversions.redeem_asked(RedeemTokens("r-0001", MARKET), {YES: 3}, 3, START))
    told.take(conversions.done("r-0001", START))
    told.take(statements.reward_paid("d1", MARKET, 5, START))
    told.take(statements.rebate_paid("d1", MARKET, 6, START))
    told.take(statements.cash_moved("c1", "a deposit", 7, START))
    store.apply(told.rows)
    last = {(row.table, *(getattr(row, name) for name in row.key)): row for row in told.rows}
    return list(last.values())


def changes(count: int) -> list[list[AccountRow]]:
    """So many changes of about the size that production has."""
    told = Teller()
    found = []
    for number in range(1, count + 1):
        before = len(told.rows)
        order = told.resting(number)
        told.hear(a_fill(order, 10, trade_id=f"t{number}"))
        found.append(told.rows[before:])
    return found


class StoreDisk:
    """The rehearsal's disk, opened anew by every run, as after a crash."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._runs = 0
        self._store: LedgerStore | None = None

    def apply(self, rows: Iterable[AccountRow]) -> None:
        assert self._store is not None
        self._store.apply(rows)

    def load(self, upto_seq: int, forget_before_ns: int) -> StoredAccount:
        if self._store is not None:
            self._store._connection.close()  # a crash says no goodbye
        self._store = LedgerStore(self._path)
        self._runs += 1
        run_id = f"run-{self._runs}"
        self._store.apply([RunRow(run_id=run_id, started_ns=START, config_hash="h", version="0")])
        self._store.save_snapshot(a_snapshot(run_id), {}, upto_seq, START)
        return self._store.load(forget_before_ns).account

    def booked(self) -> dict[tuple[str, str, int], tuple[int, int]]:
        assert self._store is not None
        found = booked_of(self._store._rows(FillRow))
        assert self._store.check() == []
        self._store.close()
        return found


def play(disk: StoreDisk, seed: int, cuts: frozenset[int], steps: int) -> Rehearsal:
    rehearsal = Rehearsal(Random(seed), disk, cut_at=cuts)
    for _ in range(steps):
        rehearsal.step()
    rehearsal.finish()
    rehearsal.check_end()
    return rehearsal
