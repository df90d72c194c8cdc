"""Reward and rebate programmes over REST: what they pay, and what an account has earned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from aiohttp import web

from polyframe.exchange.payload import read_json
from polyframe.exchange.private.api_keys import Caller
from polyframe.exchange.private.intake import wallet_of
from polyframe.exchange.private.messages import usd_text
from polyframe.exchange.private.paging import page_of
from polyframe.exchange.private.requests import Doorman
from polyframe.exchange.public.gamma_objects import (
    market_outcomes,
    market_prices,
    market_token_ids,
)
from polyframe.exchange.public.market_shapes import is_sampled
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.exchange.source import GammaMarket
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.exchange.trading.programmes import Earning, Kind
from polyframe.polymarket.contracts import COLLATERAL

_EPOCH = date(1970, 1, 1).toordinal()
_ids_decoder = msgspec.json.Decoder(list[str])


class RewardRoutes:
    """The programmes of a desk (venue.md 5.2, 5.4).

    Args:
        desk: what runs them.
        clock: market time, UTC ns.
    """

    def __init__(self, desk: OrderDesk, clock: Callable[[], int]) -> None:
        self._desk = desk
        self._clock = clock

    def routes(self, doorman: Doorman) -> list[web.RouteDef]:
        """Return the routes; those of an account are behind the L2 check."""
        return [
            web.get("/rewards/markets/current", self.current),
            web.get("/rewards/markets/multi", self.multi),
            web.get("/rewards/markets/{condition_id}", self.market),
            web.get("/rebates/current", self.rebates),
            web.get("/rewards/user", doorman.private(self.earnings)),
            web.get("/rewards/user/total", doorman.private(self.total)),
            web.get("/rewards/user/percentages", doorman.private(self.percentages)),
            web.get("/rewards/user/markets", doorman.private(self.user_markets)),
            web.get("/order-scoring", doorman.private(self.scoring)),
            web.post("/orders-scoring", doorman.private(self.scoring_many)),
        ]

    # --- public ----------------------------------------------------------------------

    async def current(self, request: web.Request) -> web.Response:
        """GET /rewards/markets/current."""
        rows = [_programme(market) for market in self._rewarded()]
        return page_of(rows, request.query.get("next_cursor", ""))

    async def multi(self, request: web.Request) -> web.Response:
        """GET /rewards/markets/multi: with what a market selection asks for."""
        query, rows = request.query, []
        wanted = query.get("q", "").lower()
        for market in self._rewarded():
            if wanted in str(market.get("question", "")).lower():
                rows.append(self._described(market))
        order = query.get("order_by", "")
        if order and all(order in row for row in rows):
            descending = query.get("position", "DESC") == "DESC"
            rows.sort(key=lambda row: row[order], reverse=descending)
        return page_of(rows, query.get("next_cursor", ""))

    async def market(self, request: web.Request) -> web.Response:
        """GET /rewards/markets/{condition id}: empty where the market has no programme."""
        market = self._desk.market(request.match_info["condition_id"])
        rows = [self._described(market)] if market is not None and is_sampled(market) else []
        return page_of(rows, request.query.get("next_cursor", ""))

    async def rebates(self, request: web.Request) -> web.Response:
        """GET /rebates/current?date=&maker_address=: a bare array."""
        day = _day_of(request.query.get("date", ""))
        maker = request.query.get("maker_address", "")
        if day is None or not maker:
            return refusal("Invalid payload")
        return answer(
            [
                {
                    "date": _date_text(day),
                    "condition_id": one.market_id,
                    "asset_address": COLLATERAL,
                    "maker_address": maker,
                    "rebated_fees_usdc": usd_text(one.amount_e12),
                }
                for one in self._earned("rebate", day, maker)
            ]
        )

    # --- of an account -----------------------------------------------------------------

    async def earnings(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """GET /rewards/user?date=&signature_type=: by market."""
        asked = self._asked(request, caller)
        if asked is None:
            return refusal("Invalid payload")
        day, wallet = asked
        rows = [
            {
                "date": _date_text(day),
                "condition_id": one.market_id,
                "asset_address": COLLATERAL,
                "maker_address": wallet,
                "earnings": float(usd_text(one.amount_e12)),
                "asset_rate": 1,
            }
            for one in self._earned("reward", day, wallet)
        ]
        return page_of(rows, request.query.get("next_cursor", ""))

    async def total(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """GET /rewards/user/total?date=: a bare array."""
        asked = self._asked(request, caller)
        if asked is None:
            return refusal("Invalid payload")
        day, wallet = asked
        total_e12 = sum(one.amount_e12 for one in self._earned("reward", day, wallet))
        if not total_e12:
            return answer([])
        return answer(
            [
                {
                    "date": _date_text(day),
                    "asset_address": COLLATERAL,
                    "maker_address": wallet,
                    "earnings": float(usd_text(total_e12)),
                    "asset_rate": 1,
                }
            ]
        )

    async def percentages(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """GET /rewards/user/percentages: the account's share of each market's score now."""
        wallet = self._wallet(request, caller)
        if wallet is None:
            return refusal("Invalid payload")
        return answer(self._desk.programmes.shares(wallet, self._clock()))

    async def user_markets(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """GET /rewards/user/markets?date=: the programmes with what the account earned in each."""
        asked = self._asked(request, caller)
        if asked is None:
            return refusal("Invalid payload")
        day, wallet = asked
        earned = {one.market_id: one.amount_e12 for one in self._earned("reward", day, wallet)}
        shares = self._desk.programmes.shares(wallet, self._clock())
        rows = []
        for market in self._rewarded():
            row = self._described(market)
            market_id = row["condition_id"]
            row |= {
                "maker_address": wallet,
                "earning_percentage": shares.get(market_id, 0.0),
                "earnings": [
                    {
                        "asset_address": COLLATERAL,
                        "asset_rate": 1,
                        "earnings": float(usd_text(earned.get(market_id, 0))),
                    }
                ],
            }
            rows.append(row)
        return page_of(rows, request.query.get("next_cursor", ""), total_count=len(rows))

    async def scoring(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """GET /order-scoring?order_id=."""
        order_id = request.query.get("order_id", "")
        if not order_id:
            return refusal("Invalid orderID")
        return answer({"scoring": self._scores([order_id])[order_id]})

    async def scoring_many(self, request: web.Request, caller: Caller, body: bytes) -> web.Response:
        """POST /orders-scoring with an array of ids."""
        try:
            order_ids = read_json(_ids_decoder, body)
        except msgspec.MsgspecError:
            return refusal("Invalid payload")
        return answer(self._scores(order_ids))

    # --- from the desk -------------------------------------------------------------------

    def _scores(self, order_ids: Sequence[str]) -> dict[str, bool]:
        desk, found = self._desk, {}
        scoring: dict[str, tuple[str, ...]] = {}
        for order_id in order_ids:
            order = desk.registry.open.get(order_id)
            if order is None:
                found[order_id] = False
                continue
            if order.market_id not in scoring:
                scoring[order.market_id] = desk.programmes.scoring(order.market_id, self._clock())
            found[order_id] = order_id in scoring[order.market_id]
        return found

    def _earned(self, kind: Kind, day: int, wallet: str) -> list[Earning]:
        earned = self._desk.programmes.earned(kind, day)
        return [one for one in earned if one.wallet.lower() == wallet.lower() and one.amount_e12]

    def _asked(self, request: web.Request, caller: Caller) -> tuple[int, str] | None:
        day = _day_of(request.query.get("date", ""))
        wallet = self._wallet(request, caller)
        return None if day is None or wallet is None else (day, wallet)

    def _wallet(self, request: web.Request, caller: Caller) -> str | None:
        try:
            kind = int(request.query.get("signature_type", "0"))
            return wallet_of(caller.address, kind, tuple(self._desk.custody.wallets))
        except ValueError:
            return None

    def _rewarded(self) -> list[GammaMarket]:
        markets = self._desk.markets()
        return [one for one in markets if is_sampled(one)]

    def _described(self, market: GammaMarket) -> dict[str, Any]:
        told = (market.get("events") or [{}])[0]
        return _programme(market) | {
            "market_id": str(market.get("id", "")),
            "market_slug": market.get("slug", ""),
            "question": market.get("question", ""),
            "image": market.get("image", ""),
            "group_item_title": market.get("groupItemTitle", ""),
            "event_id": str(told.get("id", "")),
            "event_slug": told.get("slug", ""),
            "tokens": [
                {"token_id": token_id, "outcome": outcome, "price": price}
                for token_id, outcome, price in zip(
                    market_token_ids(market),
                    market_outcomes(market),
                    market_prices(market),
                    strict=False,
                )
            ],
            "market_competitiveness": self._competitors(market["conditionId"]),
            "spread": market.get("spread", 0),
            "volume_24hr": market.get("volume24hr", 0),
            "one_day_price_change": market.get("oneDayPriceChange", 0),
            "created_at": market.get("createdAt", ""),
            "end_date": market.get("endDate", ""),
        }

    def _competitors(self, market_id: str) -> float:
        """Return how many orders score now: the venue does not say how it measures it."""
        known = self._desk.known_terms(market_id)
        return (
            0.0
            if known is None
            else float(len(self._desk.programmes.scoring(market_id, self._clock())))
        )


def _programme(market: GammaMarket) -> dict[str, Any]:
    """Return a market's programme as the venue lists it."""
    daily = sum(float(one["rewardsDailyRate"]) for one in market["clobRewards"])
    return {
        "condition_id": market["conditionId"],
        "rewards_max_spread": market.get("rewardsMaxSpread", 0),
        "rewards_min_size": market.get("rewardsMinSize", 0),
        "rewards_config": [
            {
                "id": int(one["id"]),
                "asset_address": COLLATERAL,
                "start_date": str(one.get("startDate") or market.get("startDate", ""))[:10],
                "end_date": "2500-12-31",
                "rate_per_day": float(one["rewardsDailyRate"]),
                "total_rewards": 0,
            }
            for one in market["clobRewards"]
        ],
        "native_daily_rate": daily,
        "sponsored_daily_rate": 0,
        "total_daily_rate": daily,
        "sponsors_count": 0,
    }


def _day_of(text: str) -> int | None:
    """Return a ``YYYY-MM-DD`` as the UTC day counted from 1970."""
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        return None


def _date_text(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()
