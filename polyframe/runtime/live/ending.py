"""The end of a run: its book is proved empty by the venue, or the log says that it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio

from polyframe.polymarket.account_words import VenueMode
from polyframe.runtime.live.last_resort import empty_book
from polyframe.runtime.live.opening import LiveAccount
from polyframe.runtime.live.sweeper import Sweeper
from polyframe.runtime.live.writer import AccountWriter

_LOOK_S = 0.1
# Wall seconds that an orderly stop waits for its proof before it says that there is none.
_PATIENCE_S = 30.0
# A restart of the matching engine takes about 90 s (venue.md 4.6), and nothing is proved in it.
_RESTART_PATIENCE_S = 150.0


class Ending:
    """Sees the book of one run empty.

    Args:
        account: the opened account.
        line: writes a line of the run's log.
    """

    def __init__(
        self, account: LiveAccount, line: Callable[[str, Mapping[str, object]], None]
    ) -> None:
        self._account = account
        self._line = line
        self._is_proved = False
        self.is_left_unproved = False

    async def settle(self, sweeper: Sweeper, writer: AccountWriter) -> None:
        """See the book empty, proved by the venue, and everything it said booked."""
        ledger = self._account.ledger
        latest_s = anyio.current_time() + _RESTART_PATIENCE_S
        with anyio.move_on_after(_PATIENCE_S) as patience:
            # Nobody announces it.
            while sweeper.is_unproved or ledger.open_venue_ids():
                if self._is_venue_restarting():
                    until_s = anyio.current_time() + _PATIENCE_S
                    patience.deadline = max(patience.deadline, min(until_s, latest_s))
                await anyio.sleep(_LOOK_S)
            await writer.drained()
        writer.stop_telling()
        left = len(ledger.open_venue_ids())
        is_unproved = sweeper.is_unproved or left > 0 or patience.cancelled_caught
        self._is_proved = not is_unproved
        self._say(
            is_unproved, {"orders_not_settled": left, "sweep_proved": not sweeper.is_unproved}
        )

    async def give_up(self, *, is_impatient: bool) -> None:
        """See the book empty, whatever has failed.

        Args:
            is_impatient: somebody wants the end now: nothing is waited for.
        """
        if self._is_proved:
            return
        left: int | None = None
        if not is_impatient:
            account, settings = self._account, self._account.settings.production
            is_alone = settings.foreign_orders == "cancel"
            left = await empty_book(
                account.clob, None if is_alone else account.ledger.is_ours, settings.verify_s
            )
        self._say(left != 0, {"resting": "unknown" if left is None else left})

    def _is_venue_restarting(self) -> bool:
        account = self._account
        is_away = account.clob.mode.mode is VenueMode.RESTARTING
        return is_away or bool(account.ledger.questions(account.clock()).turned_away)

    def _say(self, is_unproved: bool, what: Mapping[str, object]) -> None:
        self.is_left_unproved = is_unproved
        if is_unproved:
            do = "polyframe cancel-all, then look at the account"
            self._line("THE BOOK IS NOT PROVED EMPTY", {**what, "do": do})
        else:
            self._line("Book verified empty", {"orders": 0})
