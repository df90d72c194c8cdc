"""Trades of accounts from MATCHED to CONFIRMED or FAILED, and the money they move.

A match is not a fill (venue.md 3.4): it only promises. Collateral and tokens move when the
trade is MINED; a reorganised chain takes back what nobody has spent since (RETRYING), and a FAILED
trade is void. What becomes of a trade is its fate, which a fault script may decide
(:class:`~polyframe.exchange.faults.targets.TradeFates`).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from random import Random
from typing import Annotated

import msgspec

from polyframe.events import Side
from polyframe.exchange.faults.targets import TradeFates
from polyframe.exchange.matching import Match, NewOrder
from polyframe.exchange.source import MarketTerms
from polyframe.exchange.trading.accounts import CASH, Wallet
from polyframe.exchange.trading.venue_ids import venue_uuid
from polyframe.money import complement_e4, notional_e12, taker_fee_e12

_S_NS = 10**9
_MOST_MAKERS_A_TRADE = 10  # beyond, the venue splits a trade into buckets

MATCHED, MINED, CONFIRMED, FAILED = "MATCHED", "MINED", "CONFIRMED", "FAILED"

Seconds = Annotated[float, msgspec.Meta(ge=0)]


class SettlementPace(msgspec.Struct, frozen=True, kw_only=True):
    """How long trades take when nothing goes wrong: uniform ranges in market seconds."""

    mined_s: tuple[Seconds, Seconds] = (2.0, 5.0)
    confirmed_s: tuple[Seconds, Seconds] = (3.0, 8.0)


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
        self.pace = SettlementPace()
        self.fates: TradeFates | None = None
        self.balance_lag_ns = 0
        self.trades: dict[str, Trade] = {}
        self._rng = Random(f"settlement:{seed}")
        self._seed = seed
        self._schedule = schedule
        self._changed = changed

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
        self._owe(trade, 1)
        self._changed(trade, now_ns)
        fate = None if self.fates is None else self.fates.fate_of(trade.market_id, now_ns)
        self._follow(trade, deque(self._usual() if fate is None else fate.steps), now_ns)

    def _usual(self) -> tuple[tuple[float, str], ...]:
        draw = self._rng.uniform
        return (draw(*self.pace.mined_s), MINED), (draw(*self.pace.confirmed_s), CONFIRMED)

    def _follow(self, trade: Trade, steps: deque[tuple[float, str]], now_ns: int) -> None:
        """Wait for a trade's next step; the last one is CONFIRMED or FAILED."""
        if steps:
            delay_s, status = steps.popleft()
            due_ns = now_ns + int(delay_s * _S_NS)
            self._schedule(due_ns, partial(self._step, trade, status, steps))

    def _step(
        self, trade: Trade, status: str, steps: deque[tuple[float, str]], now_ns: int
    ) -> None:
        """Take a step: money moves at MINED and CONFIRMED, and back at what follows a MINED."""
        is_on_chain = status in (MINED, CONFIRMED)
        if trade.is_settled and not is_on_chain and _is_spent(trade):
            # A chain that drops a transaction drops those that spent from it too, and no wallet
            # ever owes it anything: what was built upon stays.
            status, is_on_chain = CONFIRMED, True
            steps.clear()
        if is_on_chain != trade.is_settled:
            self._settle(trade, 1 if is_on_chain else -1, now_ns)
        if is_on_chain and not trade.transaction_hash:
            digest = hashlib.sha256(f"transaction:{trade.trade_id}".encode()).hexdigest()
            trade.transaction_hash = f"0x{digest}"
        if status == FAILED:  # void: what it promised is free, its quantity is not relisted
            self._owe(trade, -1)
        trade.status, trade.updated_ns = status, now_ns
        self._changed(trade, now_ns)
        self._follow(trade, steps, now_ns)

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


def _is_spent(trade: Trade) -> bool:
    """Whether what a settled trade brought has been paid or promised away since."""
    for leg in trade.legs:
        if leg.wallet is not None:
            received, gained = leg.flows()[1]
            held = leg.wallet.holding(received)
            if held.balance - held.owed < gained:
                return True
    return False


def _own(order: NewOrder, yes_price_e4: int) -> int:
    return yes_price_e4 if order.is_yes else complement_e4(yes_price_e4)
