"""The Data API's rows (venue.md 2.13), from accounts and Gamma's markets; pure.

Numbers are JSON numbers, bare amounts are shares, ``_usdc`` are dollars, instants are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from polyframe.exchange.account_books import (
    AccountBooks,
    HeldPosition,
    WalletActivity,
    WalletTrade,
)
from polyframe.exchange.public.gamma_objects import (
    market_event,
    market_outcomes,
    market_prices,
    market_token_ids,
    resolution_steps,
)
from polyframe.exchange.source import GammaMarket
from polyframe.money import PRICE_ONE_E4, SHARE_E6, usd

Row = dict[str, Any]
_S_NS = 10**9
UNSET_PRICE = 69
"""What the venue writes for a price not yet proposed (venue.md 6.5)."""


class TokenFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What rows say about a token: its market, its outcome, its price now."""

    market: dict[str, Any]
    token_id: str
    opposite_id: str
    outcome: str
    opposite_outcome: str
    index: int
    price: float

    @property
    def is_over(self) -> bool:
        """Whether the market is resolved; ``price`` is then what a share pays."""
        return bool(self.market.get("closed"))


def facts_by_token(markets: Iterable[GammaMarket]) -> dict[str, TokenFacts]:
    """Return the facts of every token of some markets."""
    facts: dict[str, TokenFacts] = {}
    for market in markets:
        token_ids = market_token_ids(market)
        outcomes, prices = market_outcomes(market), market_prices(market)
        if not len(token_ids) == len(outcomes) == len(prices) == 2:
            continue
        for index, token_id in enumerate(token_ids):
            facts[token_id] = TokenFacts(
                market=dict(market), token_id=token_id, opposite_id=token_ids[1 - index],
                outcome=outcomes[index], opposite_outcome=outcomes[1 - index], index=index,
                price=prices[index],
            )  # fmt: skip
    return facts


def position_row(wallet: str, held: HeldPosition, facts: TokenFacts, *, is_paired: bool) -> Row:
    """Return one row of ``/v2/positions``.

    Args:
        wallet: whose.
        held: the position.
        facts: its token's.
        is_paired: whether the wallet also holds the other outcome.
    """
    market, group = facts.market, market_event(facts.market)
    size = held.size_e6 / SHARE_E6
    cost, fees, realised = usd(held.cost_e12), usd(held.fees_e12), usd(held.realised_e12)
    value = size * facts.price
    unrealised = value - cost
    spent = cost or held.bought_e6 / SHARE_E6 * held.average_price
    return {
        "proxy_wallet": wallet,
        "token_id": held.token_id,
        "opposite_token_id": facts.opposite_id,
        "condition_id": held.market_id,
        "event_id": _whole(group.get("id")),
        "outcome": facts.outcome,
        "opposite_outcome": facts.opposite_outcome,
        "outcome_index": facts.index,
        "title": market.get("question", ""),
        "slug": market.get("slug", ""),
        "event_slug": group.get("slug", ""),
        "status": status_of(held, facts),
        "current_size": size,
        "avg_price": round(held.average_price, 6),
        "entry_cost_usdc": cost,
        "entry_fees_usdc": fees,
        "total_cost_usdc": cost + fees,
        "current_price": facts.price,
        "current_value": round(value, 6),
        "total_size": held.bought_e6 / SHARE_E6,
        "realized_pnl": realised,
        "unrealized_pnl": round(unrealised, 6),
        "total_pnl": round(realised + unrealised, 6),
        "percent_pnl": _percent(unrealised, spent),
        "percent_realized_pnl": _percent(realised, spent),
        "redeemable": bool(held.size_e6) and facts.is_over,
        "mergeable": bool(held.size_e6) and is_paired and not facts.is_over,
        "negative_risk": bool(market.get("negRisk")),
        "archived": bool(market.get("archived")),
        "verified": False,
        "end_date": market.get("endDateIso") or str(market.get("endDate") or "")[:10],
        "last_event_at": held.last_ns // _S_NS,
        "first_entry_at": held.first_ns // _S_NS,
    }


def status_of(held: HeldPosition, facts: TokenFacts) -> str:
    """Return a row's status; a lost position is REDEEMABLE all the same."""
    if not held.size_e6:
        return "CLOSED"
    return "REDEEMABLE" if facts.is_over else "OPEN"


def trade_row(trade: WalletTrade, facts: TokenFacts) -> Row:
    """Return one row of ``/v2/trades``."""
    return {
        "proxy_wallet": trade.wallet,
        "token_id": trade.token_id,
        "condition_id": trade.market_id,
        "side": trade.side.value,
        "size": trade.size_e6 / SHARE_E6,
        "price": trade.price_e4 / PRICE_ONE_E4,
        "timestamp": trade.ts_ns // _S_NS,
        "transaction_hash": trade.transaction_hash,
        **_display(facts),
        "outcome": facts.outcome,
        "outcome_index": facts.index,
    }


def activity_row(activity: WalletActivity, facts: TokenFacts | None) -> Row:
    """Return one row of ``/v2/activity``; ``facts`` of its token or market, if it has one."""
    row: Row = {
        "proxy_wallet": activity.wallet,
        "timestamp": activity.ts_ns // _S_NS,
        "transaction_hash": activity.transaction_hash,
        "type": activity.kind,
        "usdc_size": usd(activity.amount_e12),
    }
    if facts is None:
        return row
    row |= {"is_combo": False, "condition_id": activity.market_id, **_display(facts)}
    if activity.size_e6:
        row["size"] = activity.size_e6 / SHARE_E6
    if activity.token_id:
        row |= {
            "token_id": activity.token_id,
            "outcome": facts.outcome,
            "outcome_index": facts.index,
        }
    if activity.side is not None:
        row |= {"side": activity.side.value, "price": activity.price_e4 / PRICE_ONE_E4}
    return row


def holder_rows(books: AccountBooks, token_ids: Iterable[str]) -> list[Row]:
    """Return the rows of ``/v2/holders``: holders by token, the largest first."""
    found = []
    for token_id in token_ids:
        holders = [
            {
                "proxy_wallet": wallet,
                "token_id": token_id,
                "amount": held.size_e6 / SHARE_E6,
                "outcome_index": None,
                "display_username_public": False,
                "verified": False,
            }
            for wallet in books.wallets()
            for held in books.positions(wallet)
            if held.token_id == token_id and held.size_e6
        ]
        holders.sort(key=lambda one: -float(one["amount"] or 0))
        found.append({"token_id": token_id, "holders": holders})
    return found


def open_interest_row(books: AccountBooks, market: GammaMarket) -> Row:
    """Return one row of ``/v2/oi``: a dollar for each pair that accounts hold one leg of."""
    sizes = dict.fromkeys(market_token_ids(market), 0)
    for wallet in books.wallets():
        for held in books.positions(wallet):
            if held.token_id in sizes:
                sizes[held.token_id] += held.size_e6
    value = max(sizes.values(), default=0) / SHARE_E6
    return {"condition_id": market.get("conditionId", ""), "value": value}


def resolution_row(market: GammaMarket, now_s: int) -> Row | None:
    """Return one row of ``/v2/resolutions``; None while nobody has proposed anything."""
    steps = resolution_steps(market)
    if not steps:
        return None
    is_over = bool(market.get("closed"))
    prices = market_prices(market) or [0.0, 0.0]
    status = "resolved" if is_over else str(steps[-1])
    if status == "proposed" and steps.count("proposed") > 1:
        status = "reproposed"
    return {
        "question_id": market.get("questionID", ""),
        "condition_id": market.get("conditionId", ""),
        "status": status,
        "extended_review": False,
        "expected_settlement_time": None,
        "settlement_time_basis": None if is_over else "liveness",
        "was_disputed": "disputed" in steps,
        "new_version_q": False,
        "proposed_price": prices[0] if is_over else UNSET_PRICE,
        "reproposed_price": UNSET_PRICE,
        "price": prices[0] if is_over else UNSET_PRICE,
        "transaction_hash": None,
        "log_index": None,
        "last_update_timestamp": now_s,
        "market_type": "INCREMENTAL_NEGRISK" if market.get("negRisk") else "BINARY",
        "payouts": [round(one * SHARE_E6) for one in prices] if is_over else None,
        "resolution_source": "reported",
        "reporter": "UMA_OO",
        "was_arbitrated": steps.count("disputed") > 1,
        "resolved_block": None,
        "resolved_at": now_s if is_over else None,
    }


def _display(facts: TokenFacts) -> Row:
    market = facts.market
    return {
        "title": market.get("question", ""),
        "slug": market.get("slug", ""),
        "icon": market.get("icon", ""),
        "event_slug": market_event(market).get("slug", ""),
    }


def _whole(text: Any) -> int | None:
    return int(text) if str(text).isdecimal() else None


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 4) if whole else 0.0
