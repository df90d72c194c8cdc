"""What reports and screens say of an account and the way to it, JSON-ready; decides nothing.

Counters only grow, so that a report can tell the days of a run apart; everything else is how
things stand now. Money in USD, shares in shares, instants in UTC nanoseconds of market time.
"""

from __future__ import annotations

from typing import Any

import msgspec

from polyframe.runtime.live.chore_runner import ChoreRunner
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.opening import LiveAccount
from polyframe.runtime.live.order_sender import OrderSender
from polyframe.runtime.live.order_states import OrderState
from polyframe.runtime.live.reconciler import Reconciler
from polyframe.runtime.live.reconciliation import Reconciliation
from polyframe.runtime.live.settlement_watch import SettlementWatch
from polyframe.runtime.live.user_words import UserWords
from polyframe.runtime.live.watches import ClockWatch, Heartbeat
from polyframe.runtime.status import LiveStatus

_S_NS = 10**9


def counters(
    sender: OrderSender,
    heartbeat: Heartbeat,
    user: UserWords,
    reconciler: Reconciler,
    chores: ChoreRunner,
    settlements: SettlementWatch,
) -> dict[str, Any]:
    """Return what has only been counted up since the run began."""
    return {
        "requests": sender.requests,
        "cancel_requests": sender.cancel_requests,
        "heartbeats": {"sent": heartbeat.sent, "missed": heartbeat.missed},
        "user_channel": {"reconnects": user.reconnects, "unreadable": user.unreadable},
        "reconciliations": reconciler.comparisons,
        "reconciliation_failures": reconciler.failures,
        "differences_seen": reconciler.differences,
        "settlements_failed": settlements.failed,
        "chores": {"done": chores.done, "failed": chores.failed, "unknown": chores.unknown},
    }


def standing(
    account: LiveAccount, reconciler: Reconciler, clock_watch: ClockWatch
) -> dict[str, Any]:
    """Return how the account stands now."""
    ledger, wallet = account.ledger, account.clob.wallet
    return {
        "wallet": wallet.address,
        "wallet_type": wallet.signature_type.name,
        "clock_skew_s": clock_watch.skew_s,
        "orders_not_settled": len(ledger.open_venue_ids()),
        "orders_unknown": orders_unknown(ledger),
        "foreign_orders": len(ledger.foreign.orders()),
        "foreign_fills": len(ledger.foreign.fills()),
        "set_aside": {
            "cash_usd": ledger.books.aside_cash_e12 / 1e12,
            "tokens": {
                token_id: size_e6 / 1e6
                for token_id, size_e6 in ledger.books.aside_tokens_e6.items()
            },
        },
        **_reconciled(reconciler.last),
    }


def _reconciled(last: Reconciliation | None) -> dict[str, Any]:
    differences = () if last is None else last.differences
    return {
        "reconciled_ns": None if last is None else last.ts_ns,
        "is_beyond_bound": None if last is None else last.is_beyond_bound,
        "differences": [msgspec.to_builtins(one) for one in differences],
    }


def orders_unknown(ledger: LiveLedger) -> int:
    """Return of how many orders nobody knows whether the venue has them."""
    return sum(one.row.state is OrderState.UNKNOWN for one in ledger.orders.open())


def live_status(account: LiveAccount, heartbeat: Heartbeat, reconciler: Reconciler) -> LiveStatus:
    """Return what a screen shows of the way to the venue."""
    now_ns, last = account.clock(), reconciler.last
    heard_ns = heartbeat.acknowledged_ns
    return LiveStatus(
        mode=account.mode,
        orders_unknown=orders_unknown(account.ledger),
        heartbeat_age_s=None if heard_ns is None else (now_ns - heard_ns) / _S_NS,
        reconciled_age_s=None if last is None else (now_ns - last.ts_ns) / _S_NS,
        differences=0 if last is None else len(last.unexplained),
    )
