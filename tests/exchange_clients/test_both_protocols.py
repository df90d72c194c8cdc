"""Markets of every signing domain end to end with the official client: CTF, neg-risk, V3."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from client_venue import market_stream, open_exchange, trader
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.polymarket.order_signing import Exchange

pytestmark = pytest.mark.anyio

KINDS = {
    "standard": ("v1", False, "CONDITIONAL", Exchange.STANDARD),
    "neg-risk": ("v1", True, "CONDITIONAL", Exchange.NEG_RISK),
    "protocol v2": ("v2", False, "CONDITIONAL-V2", Exchange.V3),
}


def is_kind(gamma: Any, version: str, *, neg_risk: bool) -> bool:
    return (
        gamma.get("version", "v1") == version
        and gamma["negRisk"] is neg_risk
        and 0.15 < gamma.get("bestBid", 0) < gamma.get("bestAsk", 1) < 0.85
        and not gamma["secondsDelay"]
        and not gamma.get("itode")
        and gamma["orderPriceMinTickSize"] == 0.01
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_a_market_trades_from_its_book_to_its_balance(kind: str) -> None:
    version, neg_risk, asset_type, domain = KINDS[kind]
    async with open_exchange(25.0) as exchange, trader(exchange, 21) as client:
        found = exchange.source.markets()
        gamma = next(one for one in found if is_kind(one, version, neg_risk=neg_risk))
        yes, no = market_token_ids(gamma)
        async with market_stream(client, [yes, no]):
            book = await client.get_order_book(asset_id=yes)
            assert book.condition_id == gamma["conditionId"]
            bought = await client.place_market_order(
                asset_id=yes, side="BUY", amount="10", max_price="0.95"
            )
            assert bought.ok, bought
            assert bought.status == "matched"
            assert len(await client.wait_for_order_fill_settlement(bought)) >= 1
            held = await client.get_balance_allowance(asset_type=asset_type, asset_id=yes)
            assert held.balance == int(bought.taking_amount * 10**6)
            assert held.allowances[domain.contract] > 10**30
            shares = Decimal(int(bought.taking_amount))
            resting = await client.place_limit_order(
                asset_id=yes, side="SELL", price="0.98", size=shares, post_only=True
            )
            assert resting.ok, resting
            (order,) = [
                one
                async for one in client.list_open_orders(market=gamma["conditionId"]).iter_items()
            ]
            assert (order.asset_id, order.outcome) == (yes, "Yes")
            # The other token's book shows it as a bid at the complement.
            mirror = await client.get_order_book(asset_id=no)
            level = next(one for one in mirror.bids if one.price == Decimal("0.02"))
            assert level.size >= shares
            cancelled = await client.cancel_market_orders(asset_id=yes)
            assert cancelled.canceled == (resting.order_id,)
            sold = await client.place_market_order(
                asset_id=yes, side="SELL", shares=shares, min_price="0.02"
            )
            assert sold.ok, sold
            await client.wait_for_order_fill_settlement(sold)
            left = await client.get_balance_allowance(asset_type=asset_type, asset_id=yes)
            assert left.balance == held.balance - int(sold.making_amount * 10**6)
            (position,) = [
                one
                async for one in client.list_positions(user=client.wallet).iter_items()
                if str(one.asset_id) == yes
            ]
            assert position.current_size == Decimal(left.balance) / 10**6
