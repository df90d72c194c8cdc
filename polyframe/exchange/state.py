"""What an exchange is doing, as plain data: for the admin endpoint and the verb's last line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from polyframe.money import usd

if TYPE_CHECKING:
    from polyframe.exchange.server import EmbeddedExchange

_MOST_WALLETS = 100


def exchange_state(exchange: EmbeddedExchange) -> dict[str, Any]:
    """Return market time, mode, sockets, what was served, faults by kind, and the accounts."""
    now_ns = exchange.clock()
    private = exchange.private
    return {
        "market_time": datetime.fromtimestamp(now_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "market_time_ns": str(now_ns),
        "is_running": exchange.clock.is_running,
        "lost_s": exchange.clock.lost_ns / 1e9,
        "mode": "public" if private is None else private.desk.modes.change.mode,
        "sockets": {
            "market": exchange.channel.sockets,
            "user": 0 if private is None else private.channel.sockets,
        },
        "served": served(exchange),
        "faults": exchange.injection.struck,
        "faults_refused": exchange.injection.refused,
        "wallets": [] if private is None else _wallets(exchange),
    }


def served(exchange: EmbeddedExchange) -> dict[str, int]:
    """Return how much was served so far."""
    private = exchange.private
    fills = () if private is None else private.desk.custody.journal.trades()
    return {
        "requests": exchange.requests,
        "frames": exchange.frames_sent,
        "orders": 0 if private is None else private.desk.registry.taken,
        "fills": len(fills),
    }


def _wallets(exchange: EmbeddedExchange) -> list[dict[str, Any]]:
    """Return the first wallets with their cash, tokens and open orders."""
    assert exchange.private is not None
    desk = exchange.private.desk
    open_orders: dict[str, int] = {}
    for order in desk.registry.open.values():
        key = order.request.wallet.lower()
        open_orders[key] = open_orders.get(key, 0) + 1
    journal = desk.custody.journal
    return [
        {
            "address": address,
            "cash_usd": usd(journal.cash_e12(address)),
            "tokens": sum(1 for held in journal.positions(address) if held.size_e6),
            "open_orders": open_orders.get(address.lower(), 0),
        }
        for address in list(journal.wallets())[:_MOST_WALLETS]
    ]
