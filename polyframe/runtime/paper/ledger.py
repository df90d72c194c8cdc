"""The paper venue's books: cash, holdings and statistics of one profile, exact.

Two accounts per profile: one with every fill, one without stale-evidence fills, which is
what a headline may quote (quant.md A2.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median_low

import msgspec

from polyframe.money import PRICE_ONE_E4, USD_E12, notional_e12

_ONE_E6 = 1_000_000  # one dollar a share, in 1e-6


class PaperFill(msgspec.Struct, frozen=True, gc=False):
    """One simulated execution. ``cause`` is ``print`` (R3, R4), ``cross`` (R5) or ``take``.

    ``price_e4`` is the token's own, ``is_stale`` marks a fill on a book without proof of
    currency for longer than the production limit. ``reverses`` names the trade that a real fill
    takes back; on paper a fill that is taken back stays one (R12).
    """

    ts_ns: int
    trade_id: str
    order_id: str
    market_id: str
    is_yes: bool
    is_buy: bool
    price_e4: int
    size_e6: int
    cause: str
    is_stale: bool
    fee_e12: int = 0
    reverses: str = ""


class ProfileResult(msgspec.Struct, frozen=True, kw_only=True):
    """One profile's outcome; money in 1e-12 USD, shares in micro-shares, times in ns.

    ``positions_e6`` is YES minus NO per market. ``equity_e12`` is
    ``bankroll + realised + unrealised + rebates``, exactly cash plus holdings at the marks;
    markets without a mark count at cost and are listed. ``headline_equity_e12`` leaves
    stale-evidence fills out. ``median_time_to_fill_ns`` is from acceptance to first fill,
    None without fills. Simulated fills later reversed (R12) stay counted as fills, real ones do
    not.
    """

    profile: str
    fills: int
    filled_e6: int
    volume_e12: int
    cash_e12: int
    positions_e6: Mapping[str, int]
    realised_e12: int
    unrealised_e12: int
    rebates_e12: int
    rebates_accrued_e12: int
    rebates_lapsed_e12: int
    equity_e12: int
    headline_equity_e12: int
    unmarked_markets: tuple[str, ...]
    stale_fills: int
    stale_filled_e6: int
    capacity_limited_e6: int
    reversed_fills: int
    orders: int
    orders_filled: int
    placed_e6: int
    median_time_to_fill_ns: int | None

    @property
    def fill_rate_by_order(self) -> float:
        """Share of accepted orders with at least one fill."""
        return self.orders_filled / self.orders if self.orders else 0.0

    @property
    def fill_rate_by_share(self) -> float:
        """Filled shares over accepted shares."""
        return self.filled_e6 / self.placed_e6 if self.placed_e6 else 0.0


class Holding:
    """Both tokens of one market, and the signed YES-equivalent position at average cost."""

    __slots__ = ("basis_e12", "no_e6", "position_e6", "yes_e6")

    def __init__(self) -> None:
        self.yes_e6 = 0
        self.no_e6 = 0
        self.position_e6 = 0
        self.basis_e12 = 0


class Account:
    """Cash and holdings.

    Selling what is not held is booked as buying the complement: -1 YES is +1 NO and one
    dollar less, so cash, risk and equity are what the venue's mint gives (venue.md 4.3).
    """

    __slots__ = ("_payouts_e6", "cash_e12", "holdings", "realised_e12")

    def __init__(self, cash_e12: int) -> None:
        self.cash_e12 = cash_e12
        self.realised_e12 = 0
        self.holdings: dict[str, Holding] = {}
        self._payouts_e6: dict[str, int] = {}

    def held_e6(self, market_id: str, is_yes: bool) -> int:
        """Return the shares held of one token."""
        holding = self.holdings.get(market_id)
        if holding is None:
            return 0
        return holding.yes_e6 if is_yes else holding.no_e6

    def trade(
        self, market_id: str, is_yes: bool, is_buy: bool, price_e4: int, size_e6: int
    ) -> None:
        """Book an execution at the token's own price."""
        holding = self.holdings.setdefault(market_id, Holding())
        signed_e6 = size_e6 if is_buy else -size_e6
        self.cash_e12 -= notional_e12(price_e4, signed_e6)
        if is_yes:
            holding.yes_e6 += signed_e6
        else:
            holding.no_e6 += signed_e6
        if holding.yes_e6 < 0:
            self.cash_e12 += holding.yes_e6 * _ONE_E6
            holding.no_e6 -= holding.yes_e6
            holding.yes_e6 = 0
        elif holding.no_e6 < 0:
            self.cash_e12 += holding.no_e6 * _ONE_E6
            holding.yes_e6 -= holding.no_e6
            holding.no_e6 = 0
        yes_price_e4 = price_e4 if is_yes else PRICE_ONE_E4 - price_e4
        change_e6 = signed_e6 if is_yes else -signed_e6
        self._move(holding, change_e6, notional_e12(yes_price_e4, change_e6))
        if market_id in self._payouts_e6:
            # A settlement that failed after the market paid out.
            self.settle(market_id, self._payouts_e6[market_id])

    def pay(self, fee_e12: int) -> None:
        """Pay a fee; it is realised at once."""
        self.cash_e12 -= fee_e12
        self.realised_e12 -= fee_e12

    def adopt(self, market_id: str, is_yes: bool, size_e6: int, cost_e12: int) -> None:
        """Take over shares held before the run; their cost leaves the cash."""
        holding = self.holdings.setdefault(market_id, Holding())
        self.cash_e12 -= cost_e12
        if is_yes:
            holding.yes_e6 += size_e6
            self._move(holding, size_e6, cost_e12)
        else:
            holding.no_e6 += size_e6
            self._move(holding, -size_e6, cost_e12 - size_e6 * _ONE_E6)

    def merge(self, market_id: str, most_e6: int) -> None:
        """Turn up to ``most_e6`` pairs into dollars; the YES-equivalent position stays."""
        holding = self.holdings.get(market_id)
        if holding is not None:
            size_e6 = min(most_e6, holding.yes_e6, holding.no_e6)
            holding.yes_e6 -= size_e6
            holding.no_e6 -= size_e6
            self.cash_e12 += size_e6 * _ONE_E6

    def _move(self, holding: Holding, change_e6: int, cost_e12: int) -> None:
        """Move the YES-equivalent position; ``cost_e12`` has the sign of ``change_e6``."""
        position = holding.position_e6
        if position and change_e6 and (position > 0) != (change_e6 > 0):
            sign = 1 if position > 0 else -1
            closed = min(abs(change_e6), abs(position))
            basis = holding.basis_e12 * closed // abs(position)
            spent = cost_e12 * closed // abs(change_e6)
            self.realised_e12 -= spent + basis
            holding.basis_e12 -= basis
            holding.position_e6 -= sign * closed
            change_e6 += sign * closed
            cost_e12 -= spent
        holding.position_e6 += change_e6
        holding.basis_e12 += cost_e12

    def settle(self, market_id: str, yes_payout_e6: int) -> None:
        """Pay what each share is worth now, a pair one dollar; the market's holding is gone."""
        self._payouts_e6[market_id] = yes_payout_e6
        holding = self.holdings.pop(market_id, None)
        if holding is None:
            return
        self.cash_e12 += holding.yes_e6 * yes_payout_e6
        self.cash_e12 += holding.no_e6 * (_ONE_E6 - yes_payout_e6)
        self._move(holding, -holding.position_e6, -holding.position_e6 * yes_payout_e6)

    def unrealised_e12(self, marks_e6: Mapping[str, int]) -> int:
        """Return open positions at the marks less their cost; 0 where there is no mark."""
        return sum(
            holding.position_e6 * marks_e6[market_id] - holding.basis_e12
            for market_id, holding in self.holdings.items()
            if market_id in marks_e6
        )


class ProfileLedger:
    """Everything one profile has to tell at the end.

    Args:
        profile: its name.
        bankroll_e12: cash the run starts with.
    """

    def __init__(self, profile: str, bankroll_e12: int) -> None:
        self.profile = profile
        self.account = Account(bankroll_e12)
        self._fresh = Account(bankroll_e12)
        self._bankroll_e12 = bankroll_e12
        self.fills: list[PaperFill] = []
        self.capacity_limited_e6 = 0
        self.reversed_fills = 0
        self.orders = 0
        self.placed_e6 = 0
        self._times_to_fill_ns: list[int] = []
        self._filled_e6 = 0
        self._volume_e12 = 0
        self._stale_fills = 0
        self._stale_filled_e6 = 0
        self._accrued_e12: dict[int, dict[str, int]] = {}
        self.rebates_e12 = 0
        self.rebates_lapsed_e12 = 0

    def adopt(self, market_id: str, is_yes: bool, size_e6: int, cost_e12: int) -> None:
        """Take over shares held before the run, in both accounts."""
        self.account.adopt(market_id, is_yes, size_e6, cost_e12)
        self._fresh.adopt(market_id, is_yes, size_e6, cost_e12)

    def accept(self, size_e6: int) -> None:
        """Count an order that rests."""
        self.orders += 1
        self.placed_e6 += size_e6

    def fill(self, fill: PaperFill, waited_ns: int | None) -> None:
        """Book a fill; ``waited_ns`` is given with an order's first one."""
        self.fills.append(fill)
        self._filled_e6 += fill.size_e6
        self._volume_e12 += notional_e12(fill.price_e4, fill.size_e6)
        if waited_ns is not None:
            self._times_to_fill_ns.append(waited_ns)
        if fill.is_stale:
            self._stale_fills += 1
            self._stale_filled_e6 += fill.size_e6
        self._book(fill, fill.is_buy)

    def reverse(self, fill: PaperFill) -> None:
        """Take a fill back (R12)."""
        self.reversed_fills += 1
        self._book(fill, not fill.is_buy)

    def _book(self, fill: PaperFill, is_buy: bool) -> None:
        for account in (self.account,) if fill.is_stale else (self.account, self._fresh):
            account.trade(fill.market_id, fill.is_yes, is_buy, fill.price_e4, fill.size_e6)
            account.pay(fill.fee_e12)

    def accrue_rebate(self, day: int, market_id: str, amount_e12: int) -> None:
        """Add to (or, negative, take from) a UTC day's rebate of one market."""
        markets = self._accrued_e12.setdefault(day, {})
        markets[market_id] = markets.get(market_id, 0) + amount_e12

    def pay_rebates(self, day: int) -> list[tuple[str, int]]:
        """Close a day: return what each market pays, nothing when the day is below 1 USD."""
        due = [(m, amount) for m, amount in self._accrued_e12.pop(day, {}).items() if amount > 0]
        total = sum(amount for _, amount in due)
        if total < USD_E12:
            self.rebates_lapsed_e12 += total
            return []
        self.rebates_e12 += total
        self.account.cash_e12 += total
        self._fresh.cash_e12 += total
        return due

    def merge(self, market_id: str, most_e6: int) -> None:
        """Turn up to ``most_e6`` pairs into dollars, in both accounts."""
        self.account.merge(market_id, most_e6)
        self._fresh.merge(market_id, most_e6)

    def settle(self, market_id: str, yes_payout_e6: int) -> None:
        """Pay out a resolved market."""
        self.account.settle(market_id, yes_payout_e6)
        self._fresh.settle(market_id, yes_payout_e6)

    def result(self, marks_e6: Mapping[str, int]) -> ProfileResult:
        """Return the outcome at YES mids in 1e-6."""
        account = self.account
        unrealised_e12 = account.unrealised_e12(marks_e6)
        return ProfileResult(
            profile=self.profile,
            fills=len(self.fills),
            filled_e6=self._filled_e6,
            volume_e12=self._volume_e12,
            cash_e12=account.cash_e12,
            positions_e6={m: h.position_e6 for m, h in account.holdings.items()},
            realised_e12=account.realised_e12,
            unrealised_e12=unrealised_e12,
            rebates_e12=self.rebates_e12,
            rebates_accrued_e12=sum(sum(d.values()) for d in self._accrued_e12.values()),
            rebates_lapsed_e12=self.rebates_lapsed_e12,
            equity_e12=self._equity_e12(account, marks_e6),
            headline_equity_e12=self._equity_e12(self._fresh, marks_e6),
            unmarked_markets=tuple(
                m for m, h in account.holdings.items() if h.position_e6 and m not in marks_e6
            ),
            stale_fills=self._stale_fills,
            stale_filled_e6=self._stale_filled_e6,
            capacity_limited_e6=self.capacity_limited_e6,
            reversed_fills=self.reversed_fills,
            orders=self.orders,
            orders_filled=len(self._times_to_fill_ns),
            placed_e6=self.placed_e6,
            median_time_to_fill_ns=(
                median_low(self._times_to_fill_ns) if self._times_to_fill_ns else None
            ),
        )

    def _equity_e12(self, account: Account, marks_e6: Mapping[str, int]) -> int:
        unrealised_e12 = account.unrealised_e12(marks_e6)
        return self._bankroll_e12 + account.realised_e12 + unrealised_e12 + self.rebates_e12
