"""What a strategy file must write before production takes it, as its defaults have it."""

from __future__ import annotations

WRITTEN_LIMITS = (
    "limits: {max_order_usd: 100, max_market_usd: 250, max_total_usd: 4000, max_open_orders: 200, "
    "max_daily_loss_usd: 250}\n"
    "capital: {bankroll_usd: 5000}\n"
)
"""Two lines for the end of a file that has neither section."""
