"""What the venue pays for resting and being filled: read daily, booked when it is there, predicted.

A statement is no payment: its dollars may come to the wallet before or after it is read. Until
they are booked a comparison of the books lets them be there or not; they are booked when the
statement is final and the balance has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import anyio

from polyframe.model import FeeSchedule, Fill
from polyframe.polymarket import earnings
from polyframe.polymarket.clob import Clob
from polyframe.polymarket.earnings import DayReading, EarningKind
from polyframe.polymarket.official_client import ClobError
from polyframe.runtime.live.earnings_watch import RebateEstimate, RewardEstimate
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.statements import Statements
from polyframe.runtime.live.writer import AccountWriter
from polyframe.runtime.markets import Market

_S_NS = 10**9
_READ_S = 1_800.0  # market: how often statements are read
_EPOCH = date(1970, 1, 1)
# What was not read for longer is looked for by hand: the difference says that it is there.
_LOOK_BACK_DAYS = 35


class EarningsKeeper:
    """Statements of the days since the account was opened, and our own prediction of each.

    Args:
        clob: is asked.
        ledger: where what was paid is booked.
        writer: makes it durable.
        opened_ns: when the account was opened; earlier days are somebody else's.
        clock: market time, UTC ns.
        speed: market seconds a wall second.
        line: writes a line of the run's log.
    """

    def __init__(
        self,
        clob: Clob,
        ledger: LiveLedger,
        writer: AccountWriter,
        *,
        opened_ns: int,
        clock: Callable[[], int],
        speed: float,
        line: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._clob = clob
        self._ledger = ledger
        self._writer = writer
        earliest_ns = max(opened_ns, clock() - _LOOK_BACK_DAYS * earnings.DAY_NS)
        self._first = datetime.fromtimestamp(earliest_ns // _S_NS, UTC).date()
        self._began_day = clock() // earnings.DAY_NS
        self._clock = clock
        self._speed = speed
        self._line = line
        self._readings: dict[tuple[EarningKind, date], DayReading] = {}
        self._settled = _booked(ledger.books.references)
        self.rewards = RewardEstimate()
        self.rebates = RebateEstimate()
        self.failures = 0

    # --- predictions -----------------------------------------------------------------------

    def look(self, markets: Iterable[Market], now_ns: int) -> None:
        """Sample what rests; often enough that no minute is missed."""
        for market in markets:
            self.rewards.sample(market, [one for one in market.orders if one.is_live], now_ns)

    def filled(self, fills: Iterable[Fill], fees: Callable[[str], FeeSchedule | None]) -> None:
        """Take new fills in."""
        for fill in fills:
            schedule = fees(fill.market_id)
            if schedule is not None:
                self.rebates.on_fill(fill, schedule)

    # --- statements ------------------------------------------------------------------------

    async def run(self) -> None:
        """Read statements until cancelled."""
        while True:
            try:
                await self.read()
            except ClobError as error:
                self.failures += 1
                self._line("Statements not read", {"reason": str(error)})
            await anyio.sleep(_READ_S / self._speed)

    async def read(self) -> None:
        """Read every day that has ended and is not booked.

        Raises:
            ClobError: the venue does not answer.
        """
        done = {day for kind, day in self._settled if (_other(kind), day) in self._settled}
        wallet = self._clob.wallet
        for day in earnings.days_to_read(self._first, self._clock(), done):
            for read in await earnings.read_earnings(
                self._clob.read, day, wallet=wallet.address, signature_type=wallet.signature_type
            ):
                key = read.kind, day
                if key not in self._settled:
                    self._readings[key] = earnings.heard(
                        self._readings.get(key), read, self._clock()
                    )
                for row in read.unread:
                    self._line("Statement not understood", {"day": day, "row": row})

    def pending_e12(self) -> int:
        """Return what was announced and is not booked: it may be in the wallet already."""
        return sum(
            one.amount_e12
            for key, reading in self._readings.items()
            if key not in self._settled
            for one in earnings.paid_of(reading.read.earned)
        )

    def settle(self, beyond_e12: int) -> None:
        """Book the final statements that the balance covers, oldest first.

        Args:
            beyond_e12: by how much the wallet's cash exceeds the most that our books expect
                without them.
        """
        for key in sorted(self._readings, key=lambda one: (one[1], one[0])):
            reading = self._readings[key]
            if key in self._settled or not earnings.is_final(reading):
                continue
            paid = earnings.paid_of(reading.read.earned)
            total_e12 = sum(one.amount_e12 for one in paid)
            if total_e12 > beyond_e12:
                continue
            beyond_e12 -= total_e12
            self._settled.add(key)
            kind, day = key
            statements, now_ns = Statements(self._ledger.books), self._clock()
            book = statements.reward_paid if kind is EarningKind.REWARD else statements.rebate_paid
            for one in paid:
                self._writer.put(book(one.reference, one.market_id, one.amount_e12, now_ns))
            if paid:
                self._line("Paid", {"kind": kind, "day": day, "usd": f"{total_e12 / 1e12:.6f}"})

    def facts(self, days: Sequence[int]) -> dict[str, Any]:
        """Return announced, booked and predicted earnings of UTC days (from 1970), JSON-ready.

        Predictions are of what this run has seen, None of days that were over when it began.
        """
        return {date.fromordinal(_EPOCH.toordinal() + day).isoformat(): self._day(day)
                for day in days}  # fmt: skip

    def _day(self, day: int) -> dict[str, Any]:
        rewards, rebates = self.rewards.of_day(day), self.rebates.of_day(day)
        at = date.fromordinal(_EPOCH.toordinal() + day)
        low_usd = round(sum(one.low_usd for one in rewards.values()), 6)
        high_usd = round(sum(one.high_usd for one in rewards.values()), 6)
        rebate_usd = round(sum(rebates.values()) / 1e12, 6)
        is_seen = day >= self._began_day
        found: dict[str, Any] = {
            "predicted_reward_low_usd": low_usd if is_seen else None,
            "predicted_reward_high_usd": high_usd if is_seen else None,
            "predicted_rebate_usd": rebate_usd if is_seen else None,
            "markets_with_rewards": len(rewards),
        }
        for kind in EarningKind:
            reading = self._readings.get((kind, at))
            total_e12 = (
                None
                if reading is None
                else sum(one.amount_e12 for one in earnings.paid_of(reading.read.earned))
            )
            found[f"announced_{kind}_usd"] = None if total_e12 is None else total_e12 / 1e12
            found[f"is_{kind}_booked"] = is_booked = (kind, at) in self._settled
            booked_e12 = self._ledger.books.earned_e12.get(f"{kind} {at.isoformat()}", 0)
            found[f"booked_{kind}_usd"] = booked_e12 / 1e12 if is_booked else None
        return found


def _booked(references: Iterable[str]) -> set[tuple[EarningKind, date]]:
    """Return the programmes and days of which something is booked: ``kind YYYY-MM-DD market``."""
    found = set()
    for reference in references:
        kind, _, rest = reference.partition(" ")
        if kind in set(EarningKind):
            found.add((EarningKind(kind), date.fromisoformat(rest[:10])))
    return found


def _other(kind: EarningKind) -> EarningKind:
    return EarningKind.REBATE if kind is EarningKind.REWARD else EarningKind.REWARD
