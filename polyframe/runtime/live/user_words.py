"""The user channel's words booked, and its absence: a hold at once, a pull when it lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio

from polyframe.events import Unrecognised
from polyframe.hazards import Action, Hazard
from polyframe.live_settings import ProductionSettings
from polyframe.polymarket.account_words import VenueFill, VenueOrder
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.watches import Alarm
from polyframe.runtime.live.writer import AccountWriter

Word = VenueOrder | VenueFill | Unrecognised

_S_NS = 10**9
_LOOK_S = 0.1  # wall


class UserWords:
    """What the user channel says, and whether it says anything.

    Args:
        ledger: takes the words in.
        writer: makes them durable.
        settings: how long the channel may be away.
        clock: market time, UTC ns.
        alarm: raises and clears hazards.
        compare: called when the books may tell what nobody could read.
        close_gap: called when the channel is back: what was missed has to be read first.
    """

    def __init__(
        self,
        ledger: LiveLedger,
        writer: AccountWriter,
        settings: ProductionSettings,
        *,
        clock: Callable[[], int],
        alarm: Alarm,
        compare: Callable[[str], None],
        close_gap: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._writer = writer
        self._patience_ns = round(settings.user_feed_lost_s * _S_NS)
        self._clock = clock
        self._alarm = alarm
        self._compare = compare
        self._close_gap = close_gap
        self._away_since_ns: int | None = clock()
        self._unheard_since_ns = self._away_since_ns
        self._why = "not connected yet"
        self._first = anyio.Event()
        self._early: list[Sequence[Word]] | None = []
        self.unreadable = 0
        self.reconnects = 0

    async def connected(self) -> None:
        """Wait until the channel has been up once."""
        await self._first.wait()

    def release(self) -> None:
        """Book what came so far, and from now on what comes: the engine knows all before it.

        A snapshot says up to which booking everything is in it: a fill that is told out of turn
        would let it claim those that are still to be told.
        """
        early, self._early = self._early or [], None
        for words in early:
            self.on_words(words)

    def on_words(self, words: Sequence[Word]) -> None:
        """Book what came in one frame; before the release it waits."""
        if self._early is not None:
            self._early.append(words)
            return
        heard = [word for word in words if not isinstance(word, Unrecognised)]
        self.unreadable += len(words) - len(heard)
        if heard:
            self._writer.put(self._ledger.heard(heard, self._clock()))
        if len(heard) < len(words):
            # Something was said of our account that nobody could read: the books may tell.
            self._compare("the user channel said something unreadable")

    def on_up(self) -> None:
        """The channel is there; nothing of what it would have said meanwhile is repeated."""
        was_away, self._away_since_ns = self._away_since_ns is not None, None
        if self._first.is_set():
            self.reconnects += 1
        self._first.set()
        if was_away:
            self._ledger.user_feed_back(self._unheard_since_ns)
            self._close_gap("the user channel is back")
        self._alarm(Hazard.USER_FEED_LOST, None)

    def on_down(self, reason: str, heard_ns: int) -> None:
        """The channel is gone; ``heard_ns`` is when it last said anything, 0 for never."""
        self._why = reason
        if self._away_since_ns is None:
            self._away_since_ns = self._clock()
            # It may have been dead for a while before that showed.
            self._unheard_since_ns = min(heard_ns or self._away_since_ns, self._away_since_ns)
            self._alarm(Hazard.USER_FEED_LOST, Action.HOLD, reason)

    async def run(self) -> None:
        """Look whether it stays away for too long, until cancelled."""
        while True:
            await anyio.sleep(_LOOK_S)
            if self._away_since_ns is None or not self._first.is_set():
                continue
            away_ns = self._clock() - self._away_since_ns
            if away_ns > self._patience_ns:
                self._alarm(
                    Hazard.USER_FEED_LOST, Action.PULL,
                    f"away for {away_ns / _S_NS:.1f} s: {self._why}",
                )  # fmt: skip
