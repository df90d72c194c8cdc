"""Heartbeat, clock, kill switch and the venue's mode: watched apart from everything else.

Each watch is a task of its own, so that none waits for another, and says what it sees through
one function: ``alarm(hazard, action, detail)``, with action None when the cause is gone.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Protocol

import anyio
from anyio.to_thread import run_sync

from polyframe.hazards import Action, Hazard
from polyframe.live_settings import ProductionSettings
from polyframe.polymarket.account_words import VenueMode
from polyframe.polymarket.clob import Clob
from polyframe.polymarket.official_client import ClobError
from polyframe.runtime.live.account_folder import AccountFolder

_S_NS = 10**9
_KILL_LOOK_S = 0.2  # wall: a kill is acted upon within a second
_AGE_LOOK_S = 0.1  # wall
_MODE_LOOK_S = 0.5  # market
_SKEW_LOOK_S = 5.0  # market: how often the clock is looked at while it is wrong
_SIGNAL = "SIGUSR1"
_HELD_MODES = frozenset({VenueMode.RESTARTING, VenueMode.CANCEL_ONLY, VenueMode.DISABLED})


class Alarm(Protocol):
    """Raises a hazard, or clears it with action None; saying the same again is no news."""

    def __call__(self, hazard: Hazard, action: Action | None, detail: str = "") -> None:
        """Say how things stand."""
        ...


class Heartbeat:
    """Tells the venue that we live, and us whether it heard (venue.md 7.18).

    ``acknowledged_ns`` is market time of the last answer, None before the first.
    """

    def __init__(
        self, clob: Clob, settings: ProductionSettings, clock: Callable[[], int], speed: float,
        alarm: Alarm,
    ) -> None:  # fmt: skip
        self._clob = clob
        self._settings = settings
        self._clock = clock
        self._speed = speed
        self._alarm = alarm
        self._chain_id = ""
        self._acknowledged_at = 0.0  # monotonic, wall
        self.acknowledged_ns: int | None = None
        self.sent = 0
        self.missed = 0
        self._first = anyio.Event()

    async def acknowledged(self) -> None:
        """Wait for the first acknowledgement."""
        await self._first.wait()

    async def run(self) -> None:
        """Beat until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_age)
            period_s = self._settings.heartbeat_s / self._speed
            # A request that hangs must not delay the next one past the venue's patience.
            patience_s = max(0.25, period_s * 0.4)
            while True:
                started_s = anyio.current_time()
                is_acknowledged = await self._beat(patience_s)
                wait_s = period_s if is_acknowledged else min(1.0, period_s * 0.2)
                await anyio.sleep(max(0.0, started_s + wait_s - anyio.current_time()))

    async def _beat(self, patience_s: float) -> bool:
        self.sent += 1
        try:
            with anyio.fail_after(patience_s):
                self._chain_id = await self._clob.heartbeat(self._chain_id)
        except (TimeoutError, ClobError) as error:
            self.missed += 1
            detail = str(error) or "no answer"
            self._alarm(Hazard.HEARTBEAT_LOST, self._action(), f"not acknowledged: {detail}")
            return False
        self.acknowledged_ns = self._clock()
        self._acknowledged_at = anyio.current_time()
        self._first.set()
        self._alarm(Hazard.HEARTBEAT_LOST, None)
        return True

    def _age_s(self) -> float:
        """Return market seconds since the last answer, 0 before the first.

        By the clock, which sees that the machine slept, and by the wall's pace, which sees that
        the clock was set back: the longer counts.
        """
        if self.acknowledged_ns is None:
            return 0.0
        by_clock_s = (self._clock() - self.acknowledged_ns) / _S_NS
        return max(by_clock_s, (anyio.current_time() - self._acknowledged_at) * self._speed)

    def _action(self) -> Action:
        return Action.PULL if self._age_s() > self._settings.heartbeat_lost_s else Action.HOLD

    async def _watch_age(self) -> None:
        while True:
            await anyio.sleep(_AGE_LOOK_S)
            if self._action() is Action.PULL:
                detail = f"not acknowledged for {self._age_s():.1f} s"
                self._alarm(Hazard.HEARTBEAT_LOST, Action.PULL, detail)


class ClockWatch:
    """Compares our clock with the venue's, which stamps and checks what we sign.

    ``fix`` says what to do about a difference. ``engine_ns`` returns what the engine takes for
    now: its time never runs backwards, so after a clock that was ahead it stands still, and
    nothing may be quoted by it.
    """

    def __init__(
        self, clob: Clob, settings: ProductionSettings, clock: Callable[[], int], speed: float,
        alarm: Alarm, engine_ns: Callable[[], int], fix: str,
    ) -> None:  # fmt: skip
        self._clob = clob
        self._settings = settings
        self._clock = clock
        self._speed = speed
        self._alarm = alarm
        self._engine_ns = engine_ns
        self._fix = fix
        self._is_wrong = False
        self.skew_s: float | None = None

    async def run(self) -> None:
        """Look until cancelled: every ``clock_check_s``, and at once when the clock jumps."""
        while True:
            await self.look()
            check_s = self._settings.clock_check_s
            wait_s = min(check_s, _SKEW_LOOK_S) if self._is_wrong else check_s
            due_at, lead_s = anyio.current_time() + wait_s / self._speed, self._lead_s()
            while anyio.current_time() < due_at:
                await anyio.sleep(min(_AGE_LOOK_S, max(0.0, due_at - anyio.current_time())))
                if abs(self._lead_s() - lead_s) > self._settings.max_clock_skew_s:
                    break

    def _lead_s(self) -> float:
        """Return by how much the clock has run ahead of the wall's pace since whenever."""
        return self._clock() / _S_NS - anyio.current_time() * self._speed

    async def look(self) -> float | None:
        """Ask once; return the least skew that explains the answer, None without one."""
        sent_ns = self._clock()
        try:
            server_s = await self._clob.server_time()
        except ClobError:
            return None
        most_s = self._settings.max_clock_skew_s
        self.skew_s = least_skew_s(sent_ns, self._clock(), server_s)
        behind_s = (self._engine_ns() - self._clock()) / _S_NS
        self._is_wrong = True
        if abs(self.skew_s) > most_s:
            self._alarm(
                Hazard.CLOCK_SKEW, Action.PULL,
                f"our clock is {self.skew_s:+.1f} s from the venue's: {self._fix}",
            )  # fmt: skip
        elif behind_s > most_s:
            self._alarm(
                Hazard.CLOCK_SKEW, Action.PULL,
                f"our clock went back: in {behind_s:.1f} s it is where it was; or start again",
            )  # fmt: skip
        else:
            self._is_wrong = False
            self._alarm(Hazard.CLOCK_SKEW, None)
        return self.skew_s


def clock_fix(*, is_live: bool) -> str:
    """Return what to do about a clock that is not the venue's."""
    if is_live:
        return "set it (NTP); where NTP finds it right, the venue's is wrong: wait"
    return "run with the exchange's own --speed, or set it (NTP)"


def least_skew_s(sent_ns: int, received_ns: int, server_s: int) -> float:
    """Return by how much our clock is ahead of the venue's, at the least.

    The venue says whole seconds, and said them at some time between the two: only what lies
    outside of both uncertainties is skew.
    """
    earliest_s, latest_s = sent_ns / _S_NS - (server_s + 1), received_ns / _S_NS - server_s
    if earliest_s > 0:
        return earliest_s
    return min(0.0, latest_s)


class KillWatch:
    """The kill switch: a file of the account's folder, or SIGUSR1."""

    def __init__(self, folder: AccountFolder, alarm: Alarm, resumed: Callable[[], None]) -> None:
        self._folder = folder
        self._alarm = alarm
        self._resumed = resumed
        self._was_killed = False
        self._has_signal = False

    async def run(self) -> None:
        """Look until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_signal)
            while True:
                self.look()
                await anyio.sleep(_KILL_LOOK_S)

    def look(self) -> None:
        """Act on what the switch says now."""
        killed = self._folder.killed()
        if killed is not None:
            self._was_killed, self._has_signal = True, False
            self._alarm(Hazard.KILL_SWITCH, Action.HALT, f"{killed.why} ({killed.by})")
        elif self._was_killed:
            self._was_killed = False
            self._resumed()
            if self._has_signal:  # it came after the switch had been taken back
                self._alarm(Hazard.KILL_SWITCH, Action.HALT, _SIGNAL)

    async def throw(self, hazard: Hazard, detail: str) -> bool:
        """Throw the switch for a halt, so that it outlasts the process.

        Returns:
            Whether the switch names it.

        Raises:
            PolyframeError: it cannot be written.
        """
        if hazard is Hazard.KILL_SWITCH and not self._has_signal:
            return True  # the file itself raised it
        why = detail if hazard is Hazard.KILL_SWITCH else f"{hazard}: {detail}"
        is_named = await run_sync(self._folder.kill_too, why, "polyframe run")
        # Also when it is taken back before the next look.
        self._was_killed = True
        return is_named

    async def _watch_signal(self) -> None:
        with anyio.open_signal_receiver(signal.SIGUSR1) as signals:
            async for _ in signals:
                self.signalled()

    def signalled(self) -> None:
        """Act on the signal. The file follows, as for every halt: a disk may be slow, or full."""
        self._has_signal = True
        self._alarm(Hazard.KILL_SWITCH, Action.HALT, _SIGNAL)


class ModeWatch:
    """The venue's mode as a hazard: no new orders while it takes none."""

    def __init__(self, clob: Clob, speed: float, alarm: Alarm, back: Callable[[str], None]) -> None:
        self._clob = clob
        self._speed = speed
        self._alarm = alarm
        self._back = back
        self._held: VenueMode | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            now = self._clob.mode
            if now.mode in _HELD_MODES:
                self._held = now.mode
                self._alarm(Hazard.VENUE_MODE, Action.HOLD, f"{now.mode}: {now.reason}")
            elif self._held is not None:
                # A restart may have lost orders (quant.md B5): compare before going on.
                self._back(f"the venue was {self._held}")
                self._held = None
                self._alarm(Hazard.VENUE_MODE, None)
            await anyio.sleep(_MODE_LOOK_S / self._speed)
