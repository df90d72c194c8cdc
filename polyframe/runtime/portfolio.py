"""Cash, holdings, marks and where the money came from: exact, and proven by adding it up twice.

Equity is computed from cash and marked holdings. The attribution is accumulated apart from it,
as things happen: spread at each fill, inventory at each change of a mark, fees and rebates when
paid. Their sum must equal the change of equity; the difference is reported, not hidden
(quant.md A5.3).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from polyframe.model import Fill
from polyframe.money import SHARE_E6, notional_e12
from polyframe.runtime.attribution import Attribution, DayParts, FillParts, PartsKey
from polyframe.runtime.carried import CarriedAccount, CarriedPosition
from polyframe.runtime.position import Position

_YES_E6 = SHARE_E6
_DAY_NS = 86_400_000_000_000


class Portfolio:
    """The account's ledger.

    Args:
        bankroll_e12: cash at the start.
        horizon_ns: how long after a fill the adverse move is measured.
        payouts_wait: whether a resolution's cash has to be redeemed before it can be spent
            (``unredeemed_e12``, by market).

    ``unsettled_e12`` is the part of the cash that sales have brought and nobody can spend yet.
    """

    def __init__(self, bankroll_e12: int, horizon_ns: int, *, payouts_wait: bool = False) -> None:
        self.bankroll_e12 = bankroll_e12
        self.cash_e12 = bankroll_e12
        self.peak_equity_e12 = bankroll_e12
        self.day_start_equity_e12 = bankroll_e12
        self.max_drawdown_e12 = 0
        self._horizon_ns = horizon_ns
        self._payouts_wait = payouts_wait
        self._positions: dict[str, Position] = {}
        self._held: dict[str, Position] = {}
        self._marks: dict[str, int] = {}
        self._payouts: dict[str, int] = {}
        self.unredeemed_e12: dict[str, int] = {}
        self.unsettled_e12 = 0
        self._settling_e6: dict[str, tuple[int, int]] = {}
        self._flagged_marks: dict[str, str] = {}
        self._value_e12 = 0
        self._parts: dict[str, dict[str, Attribution]] = {}
        self._pending: deque[FillParts] = deque()
        self._seen_trades: set[tuple[str, str]] = set()
        self._day: int | None = None
        self._at_day_start: dict[PartsKey, Attribution] = {}
        self._traded: list[FillParts] = []
        self._settled: list[FillParts] = []
        self._closed_day: DayParts | None = None
        self.fills = 0
        self.duplicate_fills = 0
        self.merged_e6 = 0
        self.moved_e12 = 0
        self._moved_at_day_start_e12 = 0
        self._carried: CarriedAccount | None = None

    # --- from run to run ---------------------------------------------------------------

    def carried(self, run_id: str) -> CarriedAccount:
        """Return the account as the next run would take it over."""
        return CarriedAccount(
            run_id=run_id,
            cash_e12=self.cash_e12,
            peak_equity_e12=self.peak_equity_e12,
            day=self._day,
            day_start_equity_e12=self.loss_basis_e12,
            unredeemed_e12=dict(self.unredeemed_e12),
            positions=tuple(
                CarriedPosition(
                    market_id=market_id,
                    yes_e6=position.yes_e6,
                    no_e6=position.no_e6,
                    yes_cost_e12=position.yes_cost_e12,
                    no_cost_e12=position.no_cost_e12,
                    yes_mark_e6=self._marks[market_id],
                    net_yes_e6={
                        name: part.net_yes_e6 for name, part in self._parts[market_id].items()
                    },
                )
                for market_id, position in self._held.items()
            ),
        )

    def take_over(self, account: CarriedAccount) -> None:
        """Begin where another run stopped; before anything else happens."""
        self._carried = account
        self.cash_e12 = account.cash_e12
        self.unredeemed_e12 = dict(account.unredeemed_e12)
        for held in account.positions:
            position = self.position_of(held.market_id)
            position.yes_e6, position.yes_cost_e12 = held.yes_e6, held.yes_cost_e12
            position.no_e6, position.no_cost_e12 = held.no_e6, held.no_cost_e12
            self._held[held.market_id] = position
            self._marks[held.market_id] = held.yes_mark_e6
            self._value_e12 += position.value_e12(held.yes_mark_e6)
            for component, net_e6 in held.net_yes_e6.items():
                self._part(held.market_id, component).net_yes_e6 = net_e6
        self.bankroll_e12 = self.day_start_equity_e12 = self.equity_e12
        self.peak_equity_e12 = max(account.peak_equity_e12, self.equity_e12)

    # --- reading -----------------------------------------------------------------------

    @property
    def equity_e12(self) -> int:
        """Cash plus holdings at their marks."""
        return self.cash_e12 + self._value_e12

    @property
    def loss_basis_e12(self) -> int:
        """Equity when the UTC day began, also when an earlier run began it."""
        carried = self._carried
        if carried is not None and carried.day == self._day:
            return carried.day_start_equity_e12
        return self.day_start_equity_e12

    @property
    def realised_e12(self) -> int:
        """Proceeds of sells minus their average cost, and everything paid in cash."""
        return (
            sum(position.realised_e12 for position in self._positions.values())
            + sum(a.fees_e12 + a.rebates_e12 + a.rewards_e12 for _, _, a in self.attribution())
        )  # fmt: skip

    @property
    def unrealised_e12(self) -> int:
        """Marked value of holdings minus their cost."""
        return self._value_e12 - sum(position.cost_e12 for position in self._held.values())

    def attribution(self) -> Iterator[tuple[str, str, Attribution]]:
        """Every market's and component's parts."""
        for market_id, parts in self._parts.items():
            for component, part in parts.items():
                yield market_id, component, part

    @property
    def attribution_error_e12(self) -> int:
        """Sum of all parts minus the change of equity; zero, or a bug."""
        parts = sum(part.total_e12 for _, _, part in self.attribution())
        return parts - (self.equity_e12 - self.bankroll_e12)

    def day_parts(self, day: int) -> DayParts | None:
        """Return what a UTC day (days since 1970) added: the current one or the one before."""
        if day == self._day:
            return self._day_so_far()
        closed = self._closed_day
        return closed if closed is not None and closed.day == day else None

    def _day_so_far(self) -> DayParts:
        before = self._at_day_start
        return DayParts(
            0 if self._day is None else self._day,
            self.day_start_equity_e12,
            self.equity_e12,
            {(m, c): part.since(before.get((m, c))) for m, c, part in self.attribution()},
            tuple(self._traded),
            tuple(self._settled),
            self.moved_e12 - self._moved_at_day_start_e12,
        )

    def position_of(self, market_id: str) -> Position:
        """The holding's record, created empty."""
        return self._positions.setdefault(market_id, Position())

    def component_net_e6(self, market_id: str, component: str) -> int:
        """Return one component's YES less its NO of a market, in micro-shares."""
        part = self._parts.get(market_id, {}).get(component)
        return 0 if part is None else part.net_yes_e6

    def held(self) -> dict[str, Position]:
        """Markets with a holding."""
        return self._held

    def mark_e6(self, market_id: str) -> int | None:
        """The YES mark in use."""
        return self._marks.get(market_id)

    def marks(self) -> Mapping[str, int]:
        """Every market's YES mark."""
        return self._marks

    @property
    def flagged_marks(self) -> dict[str, str]:
        """Held markets whose mark is not a mid, and why."""
        return {m: why for m, why in self._flagged_marks.items() if m in self._held}

    # --- changes -----------------------------------------------------------------------

    def advance(self, now_ns: int) -> None:
        """Let time pass: settle due adverse moves at the marks in force, close a UTC day."""
        day = now_ns // _DAY_NS
        if day != self._day:
            if self._day is not None:
                self._settle_due(day * _DAY_NS - 1)
                self._close_day()
            self._day = day
        self._settle_due(now_ns)

    def _settle_due(self, now_ns: int) -> None:
        pending = self._pending
        while pending and pending[0].fill.ts_ns + self._horizon_ns <= now_ns:
            due = pending.popleft()
            fill = due.fill
            mark_e6 = self._marks.get(fill.market_id, due.mid_before_e6)
            self._part(fill.market_id, fill.component).adverse_e12 += due.settle(
                mark_e6, self._day or 0
            )
            self._settled.append(due)

    def _close_day(self) -> None:
        self._closed_day = self._day_so_far()
        self.day_start_equity_e12 = self.equity_e12
        self._moved_at_day_start_e12 = self.moved_e12
        self._at_day_start = {(m, c): part.since(None) for m, c, part in self.attribution()}
        self._traded, self._settled = [], []

    def mark(self, market_id: str, yes_mark_e6: int, flag: str = "") -> None:
        """Set a market's YES mark; the holding's change of value is inventory result."""
        old = self._marks.get(market_id)
        self._marks[market_id] = yes_mark_e6
        if flag:
            self._flagged_marks[market_id] = flag
        elif market_id in self._flagged_marks:
            del self._flagged_marks[market_id]
        if old is None or old == yes_mark_e6:
            return
        position = self._held.get(market_id)
        if position is None:
            return
        move_e6 = yes_mark_e6 - old
        self._value_e12 += position.net_yes_e6 * move_e6
        for part in self._parts[market_id].values():
            part.inventory_e12 += part.net_yes_e6 * move_e6
        self._track_peak()

    def has_booked(self, trade_id: str, order_id: str) -> bool:
        """Whether this fill was booked before; counted when it was."""
        is_booked = (trade_id, order_id) in self._seen_trades
        self.duplicate_fills += is_booked
        return is_booked

    def apply(self, fill: Fill) -> bool:
        """Book a fill at its own price; False when the same one was booked before."""
        key = (fill.trade_id, fill.order_id)
        if key in self._seen_trades:
            self.duplicate_fills += 1
            return False
        self._seen_trades.add(key)
        market_id = fill.market_id
        position = self.position_of(market_id)
        # Without a mid the first mark is our own price: no spread is claimed on no evidence.
        mark_e6 = self._marks.setdefault(market_id, fill.yes_price_e4 * 100)
        before_e12 = position.value_e12(mark_e6)
        notional = notional_e12(fill.price_e4, fill.size_e6)
        is_buy = fill.is_buy
        self.cash_e12 += (-notional if is_buy else notional) - fill.fee_e12
        self.cash_e12 -= position.trade(fill.is_yes, is_buy, fill.size_e6, notional)
        self._value_e12 += position.value_e12(mark_e6) - before_e12
        if position.is_flat:
            self._held.pop(market_id, None)
        else:
            self._held[market_id] = position
        part = self._part(market_id, fill.component)
        sign, size_e6 = fill.sign, fill.size_e6
        spread_e12 = sign * size_e6 * (mark_e6 - fill.yes_price_e4 * 100)
        own = FillParts(fill, mark_e6, spread_e12, self._day or 0)
        self._traded.append(own)
        part.spread_e12 += own.spread_e12
        part.fees_e12 -= fill.fee_e12
        part.net_yes_e6 += sign * size_e6
        if fill.is_reversal:
            part.fills -= 1
            self.fills -= 1
            part.volume_e12 -= notional
            own.is_reversed = True
            self._take_back(fill)
        else:
            part.fills += 1
            self.fills += 1
            part.volume_e12 += notional
            self._pending.append(own)
        self._track_peak()
        if market_id in self._payouts:
            # A fill, or a settlement that failed, told after the market paid out.
            self.resolve(market_id, self._payouts[market_id])
        return True

    def _take_back(self, reversal: Fill) -> None:
        """Mark the reversed fill; a horizon still open is not waited for."""
        taken = (reversal.reverses, reversal.market_id)
        for own in (*self._pending, *self._traded, *self._settled):
            if (own.fill.trade_id, own.fill.market_id) == taken:
                own.is_reversed = True
        self._pending = deque(own for own in self._pending if not own.is_reversed)

    def merge(self, market_id: str, size_e6: int) -> None:
        """Turn pairs into dollars: equity and every part of it stay what they were.

        Raises:
            ValueError: fewer pairs are held.
        """
        position = self.position_of(market_id)
        if not 0 < size_e6 <= min(position.yes_e6, position.no_e6):
            raise ValueError(f"{size_e6} micro-pairs of {market_id} cannot be merged")
        position.merge(size_e6)
        self.cash_e12 += size_e6 * SHARE_E6
        self._value_e12 -= size_e6 * SHARE_E6  # a pair is worth a dollar at every mark
        self.merged_e6 += size_e6
        if position.is_flat:
            self._held.pop(market_id, None)

    def has_paid_out(self, market_id: str) -> bool:
        """Whether a market's payout is booked."""
        return market_id in self._payouts

    def payouts_e6(self) -> Mapping[str, int]:
        """What a YES share of each market that paid out was worth, 1e-6 USD."""
        return self._payouts

    def unneeded_pairs_e6(self, market_id: str) -> int:
        """Return the pairs that no component's view needs.

        Tokens are the account's, but a component that is long must keep its YES and one that
        is short its NO, or it could not get out by selling. YES held less what all longs
        need is the same number as NO held less what all shorts need.
        """
        position = self._held.get(market_id)
        if position is None:
            return 0
        longs_e6 = sum(max(0, part.net_yes_e6) for part in self._parts.get(market_id, {}).values())
        return max(0, min(position.yes_e6 - longs_e6, position.yes_e6, position.no_e6))

    def pay_rebate(self, market_id: str, component: str, amount_e12: int) -> None:
        """Book a rebate the venue paid."""
        self.cash_e12 += amount_e12
        self._part(market_id, component).rebates_e12 += amount_e12
        self._track_peak()

    def resolve(self, market_id: str, yes_payout_e6: int) -> None:
        """Pay out a market: holdings become cash at the payout, the last step is resolution."""
        self._payouts[market_id] = yes_payout_e6
        position = self._held.pop(market_id, None)
        mark_e6 = self._marks.get(market_id)
        self._marks[market_id] = yes_payout_e6
        if position is None or mark_e6 is None:
            return
        payout_e12 = position.value_e12(yes_payout_e6)
        self._value_e12 -= position.value_e12(mark_e6)
        self.cash_e12 += payout_e12
        if self._payouts_wait:
            self.unredeemed_e12[market_id] = self.unredeemed_e12.get(market_id, 0) + payout_e12
        position.realised_e12 += payout_e12 - position.cost_e12
        position.yes_e6 = position.no_e6 = position.yes_cost_e12 = position.no_cost_e12 = 0
        for part in self._parts[market_id].values():
            part.resolution_e12 += part.net_yes_e6 * (yes_payout_e6 - mark_e6)
            part.net_yes_e6 = 0
        self._track_peak()

    def settling(self, market_id: str, yes_e6: int, no_e6: int) -> None:
        """Note what of a market is bought and not delivered yet."""
        if yes_e6 or no_e6:
            self._settling_e6[market_id] = yes_e6, no_e6
        else:
            self._settling_e6.pop(market_id, None)

    def settling_e6(self, market_id: str) -> tuple[int, int]:
        """Return YES and NO that are bought and not delivered yet: nobody can sell them."""
        return self._settling_e6.get(market_id, (0, 0))

    def redeem(self, market_id: str) -> None:
        """A payout has been turned in: its cash can be spent."""
        self.unredeemed_e12.pop(market_id, None)

    def pay_reward(self, market_id: str, component: str, amount_e12: int) -> None:
        """Book a liquidity reward the venue paid."""
        self.cash_e12 += amount_e12
        self._part(market_id, component).rewards_e12 += amount_e12
        self._track_peak()

    def move_cash(self, amount_e12: int) -> None:
        """Book a deposit or withdrawal: no profit, so what profit is measured from moves too."""
        if self._carried is not None:
            basis_e12 = self._carried.day_start_equity_e12 + amount_e12
            self._carried = replace(self._carried, day_start_equity_e12=basis_e12)
        self.moved_e12 += amount_e12
        self.cash_e12 += amount_e12
        self.bankroll_e12 += amount_e12
        self.day_start_equity_e12 += amount_e12
        self.peak_equity_e12 += amount_e12

    def unpaired_e12(self, market_id: str) -> int:
        """Return what a market's net holding is worth at its mark: what it can still lose."""
        position = self._held.get(market_id)
        mark_e6 = self._marks.get(market_id)
        if position is None or mark_e6 is None:
            return 0
        net_e6 = position.net_yes_e6
        return net_e6 * mark_e6 if net_e6 >= 0 else -net_e6 * (_YES_E6 - mark_e6)

    def _part(self, market_id: str, component: str) -> Attribution:
        parts = self._parts.setdefault(market_id, {})
        part = parts.get(component)
        if part is None:
            part = parts[component] = Attribution()
        return part

    def _track_peak(self) -> None:
        equity = self.equity_e12
        if equity > self.peak_equity_e12:
            self.peak_equity_e12 = equity
        else:
            self.max_drawdown_e12 = max(self.max_drawdown_e12, self.peak_equity_e12 - equity)
