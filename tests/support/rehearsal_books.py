"""What runs stored, held against the exchange's own books: every order, fill, token and cent."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from polyframe.exchange.trading.accounts import CASH
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.runtime.live.account_reading import AccountReading, read_account
from polyframe.runtime.live.journal_rows import SnapshotRow
from polyframe.runtime.live.order_states import OrderState
from polyframe.runtime.live.rows import BookingKind, FillRow, LedgerRow, OrderRow
from polyframe.runtime.live.store_file import faults_of, ledger_rows, open_to_read, stored_rows

_ALL = 10**9


class Stored(NamedTuple):
    """Everything a store holds."""

    orders: dict[str, OrderRow]
    fills: dict[tuple[str, str, int], FillRow]
    ledger: list[LedgerRow]
    reading: AccountReading
    peak_equity_e12: int
    faults: list[str]


def read_stored(path: Path) -> Stored:
    connection = open_to_read(path)
    try:
        return Stored(
            {row.venue_id: row for row in stored_rows(connection, path, OrderRow)},
            {row.identity: row for row in stored_rows(connection, path, FillRow)},
            list(ledger_rows(connection, path)),
            read_account(path, _ALL),
            max(row.account.peak_equity_e12 for row in stored_rows(connection, path, SnapshotRow)),
            faults_of(connection, path),
        )
    finally:
        connection.close()


class Comparison(NamedTuple):
    """What differs (nothing, when all is well), and what was compared."""

    differences: list[str]
    counted: dict[str, Any]


def compare_books(path: Path, desk: OrderDesk, address: str) -> Comparison:
    """Return every difference between a store and the exchange's books of its account."""
    stored = read_stored(path)
    wallet = desk.custody.wallet(address)
    found = list(stored.faults)
    found += _orders(stored, desk, address)
    found += _fills(stored, desk, address)
    cash_e12 = stored.reading.cash_e12 + stored.reading.aside_cash_e12
    theirs_e12 = wallet.holding(CASH).balance
    if cash_e12 != theirs_e12:
        found.append(f"cash: stored {cash_e12 / 1e12}, the exchange's {theirs_e12 / 1e12}")
    ours = Counter({one.token_id: one.size_e6 for one in stored.reading.holdings})
    ours.update(stored.reading.aside_tokens_e6)
    for token_id in sorted({*ours, *wallet.holdings} - {CASH}):
        balance_e6 = desk.custody.balance(address, token_id)
        if ours[token_id] != balance_e6:
            found.append(f"token {token_id}: stored {ours[token_id]}, the exchange's {balance_e6}")
    found += _conversions(stored, desk, address)
    reading = stored.reading
    if reading.snapshots[0][1] != reading.bookings:
        found.append(f"the last snapshot has {reading.snapshots[0]} of {reading.bookings} bookings")
    last = reading.reconciliation
    if last is None or last.is_beyond_bound or last.found.unexplained:
        found.append(f"the last comparison: {last}")
    never = Counter(
        row.reason
        for venue_id, row in stored.orders.items()
        if venue_id not in desk.registry.orders
    )
    states = Counter(str(row.state) for row in stored.orders.values())
    kinds = Counter(str(row.kind) for row in stored.ledger)
    return Comparison(
        found,
        {"orders": len(stored.orders), "states": dict(states), "never_taken": dict(never),
         "fills": len(stored.fills), "bookings": dict(kinds),
         "fills_by_status": dict(Counter(str(row.status) for row in stored.fills.values())),
         "tokens": len(ours), "runs": len(stored.reading.runs)},
    )  # fmt: skip


def _orders(stored: Stored, desk: OrderDesk, address: str) -> list[str]:
    found = []
    for venue_id, order in desk.registry.orders.items():
        if order.request.wallet.lower() != address.lower():
            continue
        row = stored.orders.get(venue_id)
        if row is None:
            found.append(f"order {venue_id}: the exchange has it, the store has not")
            continue
        is_open = order.is_open
        wanted = (OrderState.FILLED,) if order.status == "MATCHED" else (OrderState.CANCELLED,)
        if is_open or row.state not in wanted:
            found.append(f"order {row.order_id}: stored {row.state}, the exchange's {order.status}")
        if row.filled_e6 != order.matched_e6:
            found.append(
                f"order {row.order_id}: stored {row.filled_e6} filled, the exchange "
                f"{order.matched_e6} matched"
            )
        asked = order.request
        if (row.token_id, row.side, row.price_e4, row.size_e6) != (
            asked.token_id, asked.side, asked.price_e4, asked.size_e6,
        ):  # fmt: skip
            found.append(f"order {row.order_id}: {row} is not what was sent: {asked}")
    for venue_id, row in stored.orders.items():
        if venue_id not in desk.registry.orders and row.state is not OrderState.REJECTED:
            found.append(f"order {row.order_id}: stored {row.state}, the exchange never had it")
        if row.is_open:
            found.append(f"order {row.order_id}: {row.state} at the end ({row.reason})")
    return found


def _fills(stored: Stored, desk: OrderDesk, address: str) -> list[str]:
    theirs = {}
    for trade in desk.settlement.trades.values():
        for leg in trade.legs:
            if leg.wallet is not None and leg.wallet.address.lower() == address.lower():
                at = trade.trade_id, leg.order_id, 0
                assert at not in theirs, f"one order twice in trade {trade.trade_id}"
                theirs[at] = (
                    trade.market_id, leg.token_id, leg.side, leg.price_e4, leg.size_e6,
                    leg.fee_e12, leg is not trade.taker, trade.status,
                )  # fmt: skip
    ours = {
        at: (
            row.market_id, row.token_id, row.side, row.price_e4, row.size_e6, row.fee_e12,
            row.is_maker, str(row.status),
        )
        for at, row in stored.fills.items()
    }  # fmt: skip
    found = [f"fill {at}: not stored ({theirs[at]})" for at in theirs.keys() - ours.keys()]
    found += [f"fill {at}: nobody traded it" for at in ours.keys() - theirs.keys()]
    found += [
        f"fill {at}: stored {ours[at]}, the exchange's {theirs[at]}"
        for at in theirs.keys() & ours.keys()
        if ours[at] != theirs[at]
    ]
    for at, row in stored.fills.items():
        if row.is_booked == (str(row.status) == "FAILED"):
            found.append(f"fill {at}: {row.status}, and turned {row.turns} times")
        if not row.order_id:
            found.append(f"fill {at}: held for somebody else's")
    return found


def _conversions(stored: Stored, desk: OrderDesk, address: str) -> list[str]:
    """Compare merges and redemptions, by market and in all."""
    theirs: Counter[tuple[str, str]] = Counter()
    for one in desk.custody.journal.activity(address):
        if one.kind in ("MERGE", "REDEEM"):
            theirs[one.kind, one.token_id] += one.size_e6
    ours: Counter[tuple[str, str]] = Counter()
    for row in stored.ledger:
        if row.kind in (BookingKind.MERGED, BookingKind.REDEEMED):
            kind = "MERGE" if row.kind is BookingKind.MERGED else "REDEEM"
            for token_id, gain_e6 in row.tokens_e6.items():
                ours[kind, token_id] -= gain_e6
    return [
        f"{at}: stored {ours[at]}, the exchange's {theirs[at]}"
        for at in sorted({*ours, *theirs})
        if ours[at] != theirs[at]
    ]


def report_faults(run_folder: Path, *, is_quiet: bool = True) -> list[str]:
    """Return what is wrong with how a run that ended in order tells of its account.

    ``is_quiet``: the venue said nothing twice, and nothing late.
    """
    summary = json.loads((run_folder / "summary.json").read_text())
    (path,) = run_folder.glob("report-*.json")
    report = json.loads(path.read_text())["report"]
    portfolio, health = report["portfolio"], report["health"]
    values_usd = [one["value_usd"] for one in portfolio["positions"]]
    whole_usd = portfolio["cash_usd"] + sum(values_usd)
    change_usd = portfolio["equity_usd"] - portfolio["bankroll_usd"]
    parts_usd = portfolio["realised_usd"] + portfolio["unrealised_usd"]
    rounding_usd = 1e-6 * (len(values_usd) + 3)
    wrong = {
        "attribution error": summary["attribution_error_usd"],
        "differences of ledgers": health["ledger_differences"],
        "ledgers not compared": not health["ledgers_compared"],
        "equity is not cash and holdings": abs(portfolio["equity_usd"] - whole_usd) > rounding_usd,
        # A run that goes on takes holdings over at what they cost the one before.
        "results are not the change": not report["run"]["continues"]
        and abs(change_usd - parts_usd) > rounding_usd,
        "summary's equity": summary["equity_usd"] != portfolio["equity_usd"],
        "plugin problems": summary["plugin_problems"],
        "left unproved": summary["left_unproved"],
        "orders not settled": summary["live"]["orders_not_settled"],
        "unexpected answers": is_quiet and report["orders"]["unexpected_answers"],
    }
    return [f"{run_folder.name}: {what}: {found}" for what, found in wrong.items() if found]


def cash_usd(run_folder: Path) -> float:
    """Return the cash a run ended with, by its report."""
    (path,) = run_folder.glob("report-*.json")
    return float(json.loads(path.read_text())["report"]["portfolio"]["cash_usd"])
