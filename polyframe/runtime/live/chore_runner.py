"""Money chores off the quoting path: merges and redemptions, one at a time, booked when done.

Asked for by the engine, durable before the request, executed through the official client. One
whose fate is unknown is settled by the balances before anything is asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio

from polyframe.commands import MergePairs, RedeemTokens, RefreshAllowances
from polyframe.events import AllowancesRefreshed, MergeFailed, RedeemFailed
from polyframe.model import MarketSpec
from polyframe.money import SHARE_E6
from polyframe.polymarket.chores import ChoreCode, ChoreDone, ChoreFailed, Chores
from polyframe.polymarket.clob import Clob
from polyframe.polymarket.official_client import ClobError
from polyframe.runtime.live.changes import Change
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.rows import ConversionKind, ConversionRow
from polyframe.runtime.live.statements import Statements
from polyframe.runtime.live.writer import AccountWriter

_S_NS = 10**9
_LOOK_S = 15.0  # market: how often unknown fates are looked into
# A transaction that no balance shows after this long has not happened, and will not.
_HOPELESS_NS = 3_600 * _S_NS


class ChoreRunner:
    """Runs what the engine proposes, and finds out what became of what it did not hear of.

    Args:
        chores: the way to the chain.
        clob: says what the wallet holds.
        ledger: what is asked and booked.
        writer: makes it durable.
        clock: market time, UTC ns.
        speed: market seconds a wall second.
        spec_of: a market's metadata.
        payout_e6: what a YES share of a resolved market pays, 1e-6 USD; None when it has not.
        compare: has the books compared.
        line: writes a line of the run's log.
    """

    def __init__(
        self,
        chores: Chores,
        clob: Clob,
        ledger: LiveLedger,
        writer: AccountWriter,
        *,
        clock: Callable[[], int],
        speed: float,
        spec_of: Callable[[str], MarketSpec | None],
        payout_e6: Callable[[str], int | None],
        compare: Callable[[str], None],
        line: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._chores = chores
        self._clob = clob
        self._ledger = ledger
        self._writer = writer
        self._clock = clock
        self._speed = speed
        self._spec_of = spec_of
        self._payout_e6 = payout_e6
        self._compare = compare
        self._line = line
        self._queue: list[MergePairs | RedeemTokens | RefreshAllowances] = []
        self._wake = anyio.Event()
        self.done = 0
        self.failed = 0
        self.unknown = 0

    def put(self, command: MergePairs | RedeemTokens | RefreshAllowances) -> None:
        """Queue a chore."""
        self._queue.append(command)
        self._wake.set()

    async def run(self) -> None:
        """Do chores until cancelled; first find out what became of earlier ones."""
        await self._settle_unknown()
        while True:
            with anyio.move_on_after(_LOOK_S / self._speed):
                await self._wake.wait()
            self._wake = anyio.Event()
            while self._queue:
                command = self._queue.pop(0)
                if isinstance(command, RefreshAllowances):
                    await self._approve(command)
                else:
                    await self._do(command)
            await self._settle_unknown()

    async def _do(self, command: MergePairs | RedeemTokens) -> None:
        spec = self._spec_of(command.market_id)
        if spec is None or self._is_under_way(command.market_id):
            self._refuse(command, "its market is not known, or has a chore under way")
            return
        row_id = await self._ask(command, spec)
        if row_id is None:
            return
        if isinstance(command, MergePairs):
            outcome = await self._chores.merge(spec, command.size_e6)
        else:
            outcome = await self._chores.redeem(spec)
        now_ns = self._clock()
        if isinstance(outcome, ChoreDone):
            self._book(row_id, now_ns)
        elif isinstance(outcome, ChoreFailed) and outcome.code is ChoreCode.NOTHING_HELD:
            # Somebody turned it in before us: the balances tell whether it was the venue.
            self._line("Chore of unknown fate", {"id": row_id, "reason": outcome.message})
        elif isinstance(outcome, ChoreFailed):
            self.failed += 1
            self._writer.put(self._ledger.conversions.failed(row_id, outcome.message, now_ns))
        else:
            self.unknown += 1
            self._line("Chore of unknown fate", {"id": row_id, "reason": outcome.message})

    async def _approve(self, command: RefreshAllowances) -> None:
        outcome = await self._chores.approve_missing()
        message = "" if isinstance(outcome, ChoreDone) else outcome.message
        self._line("Approved" if not message else "Not approved", {"for": command.reason})
        self._writer.put(Change(events=(AllowancesRefreshed(self._clock(), message),)))

    async def _ask(self, command: MergePairs | RedeemTokens, spec: MarketSpec) -> str | None:
        """Make a chore durable; None when it cannot be, or is pointless."""
        now_ns = self._clock()
        conversions, yes, no = self._ledger.conversions, *spec.token_ids
        if isinstance(command, MergePairs):
            change = conversions.merge_asked(command, (yes, no), now_ns)
            return command.merge_id if await self._writer.durable(change) else None
        payout_e6 = self._payout_e6(command.market_id)
        if payout_e6 is None:
            self._refuse(command, "its market has not resolved")
            return None
        tokens = self._ledger.books.tokens_e6
        held = {token: tokens.get(token, 0) for token in (yes, no) if tokens.get(token, 0)}
        cash_e12 = held.get(yes, 0) * payout_e6 + held.get(no, 0) * (SHARE_E6 - payout_e6)
        change = conversions.redeem_asked(command, held, cash_e12, now_ns)
        return command.redeem_id if await self._writer.durable(change) else None

    def _book(self, row_id: str, now_ns: int) -> None:
        self.done += 1
        self._writer.put(self._ledger.conversions.done(row_id, now_ns))
        row = self._ledger.conversions.find(row_id)
        if row is not None and row.kind is ConversionKind.REDEEM:
            self._book_aside(row, now_ns)
        self._compare(f"{row_id} is done")

    def _book_aside(self, row: ConversionRow, now_ns: int) -> None:
        """A redemption turns in all that the wallet holds: what was set aside as well."""
        spec, payout_e6 = self._spec_of(row.market_id), self._payout_e6(row.market_id)
        if spec is None or payout_e6 is None:
            return
        yes, no = spec.token_ids
        aside = self._ledger.books.aside_tokens_e6
        tokens = {token: aside[token] for token in (yes, no) if token in aside}
        if not tokens:
            return
        cash_e12 = tokens.get(yes, 0) * payout_e6 + tokens.get(no, 0) * (SHARE_E6 - payout_e6)
        gone = {token: -size_e6 for token, size_e6 in tokens.items()}
        self._writer.put(
            Statements(self._ledger.books).set_aside(
                f"redeemed {row.conversion_id}", "redeemed beside ours", now_ns,
                cash_e12=cash_e12, tokens_e6=gone,
            )
        )  # fmt: skip

    def _is_under_way(self, market_id: str) -> bool:
        return any(row.market_id == market_id for row in self._ledger.conversions.under_way())

    def _refuse(self, command: MergePairs | RedeemTokens, reason: str) -> None:
        self.failed += 1
        now_ns = self._clock()
        event = (
            MergeFailed(now_ns, command.merge_id, command.market_id, reason)
            if isinstance(command, MergePairs)
            else RedeemFailed(now_ns, command.redeem_id, command.market_id, reason)
        )
        self._writer.put(Change(events=(event,)))

    async def _settle_unknown(self) -> None:
        """Ask the balances what became of chores that were asked for and not answered."""
        for row in self._ledger.conversions.under_way():
            try:
                held = await self._clob.balances([*row.tokens_e6])
            except ClobError:
                return
            ours = self._ledger.books.wallet_tokens_e6()
            moved = {
                held.tokens_e6.get(token, 0) - ours.get(token, 0) == gain_e6
                for token, gain_e6 in row.tokens_e6.items()
            }
            now_ns = self._clock()
            if False not in moved:
                self._book(row.conversion_id, now_ns)
            elif now_ns - row.asked_ns > _HOPELESS_NS:
                self.failed += 1
                self._writer.put(
                    self._ledger.conversions.failed(
                        row.conversion_id, "no balance shows it", now_ns
                    )
                )
