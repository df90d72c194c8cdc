"""The CLOB's three ways to describe a market (venue.md 2.4), from Gamma's object and the books."""

from __future__ import annotations

from typing import Any

from polyframe.exchange.public.gamma_objects import (
    market_event,
    market_outcomes,
    market_prices,
    market_token_ids,
)
from polyframe.exchange.source import BookMessage, GammaMarket, Source
from polyframe.polymarket.contracts import COLLATERAL


def tick_of(market: GammaMarket, book: BookMessage | None) -> float:
    """Return the price grid: the book's, which Gamma only follows."""
    return float((book or {}).get("tick_size") or market.get("orderPriceMinTickSize") or 0.01)


def short_market(market: GammaMarket, source: Source) -> dict[str, Any]:
    """Return the short-key market info: booleans left out when false."""
    token_ids = market_token_ids(market)
    book = source.book(token_ids[0]) if token_ids else None
    info: dict[str, Any] = {
        "c": market.get("conditionId", ""),
        "t": [
            {"t": token_id, "o": outcome}
            for token_id, outcome in zip(token_ids, market_outcomes(market), strict=False)
        ],
        "mts": tick_of(market, book),
        "mos": market.get("orderMinSize", 5),
        "mbf": 0,
        "tbf": 0,
        "sd": market.get("secondsDelay", 0),
        "gst": market.get("gameStartTime"),
        "aot": market.get("acceptingOrdersTimestamp"),
        "r": {"mi": market.get("rewardsMinSize", 0), "ma": market.get("rewardsMaxSpread", 0)},
    }
    fees = market.get("feeSchedule")
    if fees and market.get("feesEnabled", True):
        info["fd"] = {
            "r": fees.get("rate", 0),
            "e": fees.get("exponent", 1),
            "to": fees.get("takerOnly", True),
        }
    flags = {
        "nr": market.get("negRisk"),
        "ao": market.get("acceptingOrders"),
        "cbos": market.get("enableOrderBook"),
        "itode": market.get("itode"),
    }
    return info | {key: True for key, value in flags.items() if value}


def long_market(market: GammaMarket, source: Source) -> dict[str, Any]:
    """Return the long-key market; ``tokens[].winner`` is the resolution's fact."""
    token_ids = market_token_ids(market)
    book = source.book(token_ids[0]) if token_ids else None
    tags = [str(tag.get("label", "")) for tag in market.get("tags") or ()]
    return {
        **simplified_market(market),
        "enable_order_book": bool(market.get("enableOrderBook")),
        "accepting_order_timestamp": market.get("acceptingOrdersTimestamp"),
        "minimum_order_size": market.get("orderMinSize", 5),
        "minimum_tick_size": tick_of(market, book),
        "question_id": market.get("questionID", ""),
        "question": market.get("question", ""),
        "description": market.get("description", ""),
        "market_slug": market.get("slug", ""),
        "end_date_iso": market.get("endDate"),
        "game_start_time": market.get("gameStartTime"),
        "seconds_delay": market.get("secondsDelay", 0),
        "fpmm": "",
        "maker_base_fee": 0,
        "taker_base_fee": 0,
        "notifications_enabled": True,
        "neg_risk": bool(market.get("negRisk")),
        "neg_risk_market_id": market_event(market).get("negRiskMarketID", ""),
        "neg_risk_request_id": market.get("negRiskRequestID", ""),
        "icon": market.get("icon", ""),
        "image": market.get("image", ""),
        "is_50_50_outcome": market_prices(market) == [0.5, 0.5] and bool(market.get("closed")),
        "tags": tags,
        "version": market.get("version", "v1"),
    }


def simplified_market(market: GammaMarket) -> dict[str, Any]:
    """Return what ``/simplified-markets`` keeps of a market."""
    prices = market_prices(market)
    is_over = bool(market.get("closed"))
    tokens = [
        {"token_id": token_id, "outcome": outcome, "price": price, "winner": is_over and price == 1}
        for token_id, outcome, price in zip(
            market_token_ids(market), market_outcomes(market), prices, strict=False
        )
    ]
    return {
        "condition_id": market.get("conditionId", ""),
        "tokens": tokens,
        "rewards": {
            "rates": [
                {
                    "asset_address": one.get("assetAddress", COLLATERAL),
                    "rewards_daily_rate": one.get("rewardsDailyRate", 0),
                }
                for one in market.get("clobRewards") or ()
            ]
            or None,
            "min_size": market.get("rewardsMinSize", 0),
            "max_spread": market.get("rewardsMaxSpread", 0),
        },
        "active": bool(market.get("active")),
        "closed": is_over,
        "archived": bool(market.get("archived")),
        "accepting_orders": bool(market.get("acceptingOrders")),
    }


def is_sampled(market: GammaMarket) -> bool:
    """Whether a market is in the reward programme, as the ``sampling`` routes list it."""
    return bool(market.get("clobRewards")) and not market.get("closed")
