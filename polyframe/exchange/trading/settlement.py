"""Trades of accounts from MATCHED to CONFIRMED or FAILED, and the money they move.

A match is not a fill (venue.md 3.4): it only promises. Collateral and tokens move when the
trade is MINED; a reorganised chain takes them back (RETRYING), and a FAILED trade is void.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from random import Random
from typing import Annotated

import msgspec

from polyframe.events import Side
from polyframe.exchange.matching import Match, NewOrder
from polyframe.exchange.source import MarketTerms
from polyframe.exchange.trading.accounts import CASH, Wallet
from polyframe.money import PRICE_ONE_E4, notional_e12, taker_fee_e12

_S_NS = 10**9
_MOST_MAKERS_A_TRADE = 10  # beyond, the venue splits a trade into buckets

MATCHED, MINED, CONFIRMED = "MATCHED", "MINED", "CONFIRMED"
RETRYING, FAILED = "RETRYING", "FAILED"

Seconds = Annotated[float, msgspec.Meta(ge=0)]


class SettlementPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How trades settle: delays are drawn uniformly from ranges in market seconds.

    ``retry_share`` of trades is reverted once before it is mined, ``fail_share`` never is;
    ``reorg_share`` is mined and then reverted.
    """

    mined_s: tuple[Seconds, Seconds] = (2.0, 5.0)
    confirmed_s: tuple[Seconds, Seconds] = (3.0, 8.0)
    retry_s: tuple[Seconds, Seconds] = (5.0, 30.0)
    retry_share: float = 0.0
    fail_share: float = 0.0
    reorg_share: float = 0.0


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One order's side of a trade; ``wallet`` is None for the simulated crowd."""

    order_id: str
    owner: str
    address: str
    token_id: str
    outcome: str
    outcome_index: int
    side: Side
    price_e4: int
    size_e6: int
    fee_e12: int = 0
    wallet: Wallet | None = None

    def flows(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Return what it pays and what it receives, each as ``(asset, amount)``.

        A buyer pays the fee on top, a seller out of the proceeds (venue.md 5.1).
        """
        cash_e12 = notional_e12(self.price_e4, self.size_e6)
        if self.side is Side.BUY:
            return (CASH, cash_e12 + self.fee_e12), (self.token_id, self.size_e6)
        return (self.token_id, self.size_e6), (CASH, cash_e12 - self.fee_e12)


class Trade(msgspec.Struct, kw_only=True):
    """One trade: a taker order and the maker orders it met at one price."""

    trade_id: str
    market_id: str
    taker: Leg
    makers: tuple[Leg, ...]
    matched_ns: int
    bucket_index: int
    status: str = MATCHED
    updated_ns: int = 0
    transaction_hash: str = ""
    is_settled: bool = False

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The taker's leg, then the makers'."""
        return (self.taker, *self.makers)

    def involves(self, api_key: str) -> bool:
        """Whether an API key is behind one of its orders."""
        return any(leg.wallet is not None and leg.owner == api_key for leg in self.legs)


class Settlement:
    """Every trade of accounts, and the timers of the trades under way.

    Args:
        seed: of the delays and of what goes wrong.
        schedule: ``(due_ns, action)``: asks to be called back at a market time.
        changed: told of each trade at each status, the first one included.
    """

    def __init__(
        self,
        seed: int,
        schedule: Callable[[int, Callable[[int], None]], None],
        changed: Callable[[Trade, int], None],
    ) -> None:
        self.plan = SettlementPlan()
        self.balance_lag_ns = 0
        self.trades: dict[str, Trade] = {}
        self.fees_e12: dict[tuple[int, str], int] = {}
        self._rng = Random(f"settlement:{seed}")
        self._seed = seed
        self._schedule = schedule
        self._changed = changed
        self._forced: deque[tuple[str, float]] = deque()

    def force_next(self, outcome: str, count: int = 1, retry_s: float = 0.0) -> None:
        """Decide what becomes of the next trades.

        Args:
            outcome: FAILED; RETRYING, for ``retry_s`` and then mined; or ``reorg``, mined first
                and then void.
            count: how many trades.
            retry_s: market seconds of retrying; 0 draws from the plan.
        """
        self._forced.extend([(outcome, retry_s)] * count)

    def open(
        self,
        terms: MarketTerms,
        matches: Sequence[Match],
        leg_of: Callable[[NewOrder, MarketTerms, int, int, int], Leg],
        now_ns: int,
    ) -> list[Trade]:
        """Record one taker's matches as trades, one for each price and bucket of makers.

        ``leg_of`` makes a leg of an order, its own price, size and fee. Trades between
        strangers are nobody's here and are left out.
        """
        opened: list[Trade] = []
        bucket = 0
        for yes_price_e4, group in groupby(matches, key=lambda match: match.yes_price_e4):
            of_price = list(group)
            for start in range(0, len(of_price), _MOST_MAKERS_A_TRADE):
                part = of_price[start : start + _MOST_MAKERS_A_TRADE]
                trade = self._trade(terms, part, yes_price_e4, leg_of, bucket, now_ns)
                bucket += 1
                if any(leg.wallet is not None for leg in trade.legs):
                    opened.append(trade)
        for trade in opened:
            self._begin(trade, now_ns)
        return opened

    def _trade(
        self,
        terms: MarketTerms,
        matches: list[Match],
        yes_price_e4: int,
        leg_of: Callable[[NewOrder, MarketTerms, int, int, int], Leg],
        bucket: int,
        now_ns: int,
    ) -> Trade:
        taker = matches[0].taker
        size_e6 = sum(match.size_e6 for match in matches)
        price_e4 = matches[0].taker_price_e4
        fee_e12 = taker_fee_e12(price_e4, size_e6, terms.fee_rate, terms.fee_exponent)
        makers = tuple(
            leg_of(match.maker, terms, _own(match.maker, yes_price_e4), match.size_e6, 0)
            for match in matches
        )
        number = len(self.trades) + bucket
        trade_id = venue_uuid(f"trade:{self._seed}:{number}:{taker.order_id}:{bucket}")
        return Trade(
            trade_id=trade_id, market_id=terms.market_id,
            taker=leg_of(taker, terms, price_e4, size_e6, fee_e12), makers=makers,
            matched_ns=now_ns, bucket_index=bucket, updated_ns=now_ns,
        )  # fmt: skip

    def _begin(self, trade: Trade, now_ns: int) -> None:
        self.trades[trade.trade_id] = trade
        day = (now_ns // _S_NS // 86_400, trade.market_id)
        self.fees_e12[day] = self.fees_e12.get(day, 0) + trade.taker.fee_e12
        self._owe(trade, 1)
        self._changed(trade, now_ns)
        outcome, retry_s = self._outcome()
        mined_ns = now_ns + self._draw_ns(self.plan.mined_s)
        if outcome == FAILED:
            self._schedule(mined_ns, lambda at: self._fail(trade, at))
        elif outcome == RETRYING:
            self._schedule(mined_ns, lambda at: self._retry(trade, at, retry_s, MINED))
        elif outcome == "retry_failed":
            self._schedule(mined_ns, lambda at: self._retry(trade, at, retry_s, FAILED))
        else:
            self._schedule(mined_ns, lambda at: self._mine(trade, at, outcome == "reorg"))

    def _outcome(self) -> tuple[str, float]:
        if self._forced:
            return self._forced.popleft()
        plan, draw = self.plan, self._rng.random()
        for outcome, share in (
            (FAILED, plan.fail_share),
            (RETRYING, plan.retry_share),
            ("reorg", plan.reorg_share),
        ):
            draw -= share
            if draw < 0:
                return outcome, 0.0
        return MINED, 0.0

    def _draw_ns(self, range_s: tuple[float, float]) -> int:
        return int(self._rng.uniform(*range_s) * _S_NS)

    # --- lifecycle -----------------------------------------------------------------

    def _mine(self, trade: Trade, now_ns: int, is_reorganised: bool = False) -> None:
        trade.transaction_hash = "0x" + hashlib.sha256(f"tx:{trade.trade_id}".encode()).hexdigest()
        self._settle(trade, 1, now_ns)
        self._set(trade, MINED, now_ns)
        due_ns = now_ns + self._draw_ns(self.plan.confirmed_s)
        if is_reorganised:
            self._schedule(due_ns, lambda at: self._reorganise(trade, at))
        else:
            self._schedule(due_ns, lambda at: self._set(trade, CONFIRMED, at))

    def _reorganise(self, trade: Trade, now_ns: int) -> None:
        self._settle(trade, -1, now_ns)
        self._retry(trade, now_ns, 0.0, FAILED)

    def _retry(self, trade: Trade, now_ns: int, retry_s: float, then: str) -> None:
        self._set(trade, RETRYING, now_ns)
        delay_ns = int(retry_s * _S_NS) or self._draw_ns(self.plan.retry_s)
        if then == FAILED:
            self._schedule(now_ns + delay_ns, lambda at: self._fail(trade, at))
        else:
            self._schedule(now_ns + delay_ns, lambda at: self._mine(trade, at))

    def _fail(self, trade: Trade, now_ns: int) -> None:
        """Void a trade: what it promised is free again and its quantity is not relisted."""
        self._owe(trade, -1)
        day = (trade.matched_ns // _S_NS // 86_400, trade.market_id)
        self.fees_e12[day] -= trade.taker.fee_e12
        self._set(trade, FAILED, now_ns)

    def _set(self, trade: Trade, status: str, now_ns: int) -> None:
        trade.status = status
        trade.updated_ns = now_ns
        self._changed(trade, now_ns)

    # --- money ---------------------------------------------------------------------

    def _owe(self, trade: Trade, sign: int) -> None:
        for leg in trade.legs:
            if leg.wallet is None:
                continue
            (paid, amount), (received, gained) = leg.flows()
            leg.wallet.holding(paid).owed += sign * amount
            leg.wallet.holding(received).incoming += sign * gained

    def _settle(self, trade: Trade, sign: int, now_ns: int) -> None:
        """Move the money of a trade, or back."""
        trade.is_settled = sign > 0
        self._owe(trade, -sign)
        for leg in trade.legs:
            if leg.wallet is None:
                continue
            (paid, amount), (received, gained) = leg.flows()
            leg.wallet.add(paid, -sign * amount, now_ns, self.balance_lag_ns)
            leg.wallet.add(received, sign * gained, now_ns, self.balance_lag_ns)
            leg.wallet.fees_paid_e12 += sign * leg.fee_e12


def venue_uuid(name: str) -> str:
    """Return an id in the form of a random UUID that depends on a name alone."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    variant = "89ab"[int(digest[16], 16) % 4]
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def _own(order: NewOrder, yes_price_e4: int) -> int:
    return yes_price_e4 if order.is_yes else PRICE_ONE_E4 - yes_price_e4
