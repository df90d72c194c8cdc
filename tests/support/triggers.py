"""What makes a run cancel everything: each cause, how it ends, and what was seen of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from exchange_side import S_NS, exchange_of
from polyframe.hazards import Hazard
from watched_run import FILE, Tripwire, WatchedRun, trading

Deed = Callable[[WatchedRun], Awaitable[None] | None]
# Wall seconds in which a request that was under way may still arrive.
IN_FLIGHT_S = 1.0


class Trigger(NamedTuple):
    """One trigger; ``undo`` is None where only a new run ends it, ``text`` its strategy file.

    It is seen ``within_s`` market seconds.
    """

    name: str
    hazard: Hazard
    cause: Deed
    undo: Deed | None
    text: str = FILE
    speed: float = 8.0
    within_s: float = 30.0


class Seen(NamedTuple):
    """Market seconds from the cause: raised, last order gone, proved by query.

    ``proof_s`` is what the proof took from the hazard on, ``again_s`` from the undoing to quoting;
    None where that is another run's.
    """

    name: str
    hazard: Hazard
    action: str
    raised_s: float
    empty_s: float
    proved_s: float
    proof_s: float
    again_s: float | None


def silence(run: WatchedRun) -> None:
    run.fault("server_error", route="/books")
    run.fault("silent_socket", channel="market")


def half_open(run: WatchedRun) -> None:
    run.fault("server_error", route="/books")
    run.fault("half_open", channel="market")


def disconnect(run: WatchedRun) -> None:
    run.fault("silent_socket", channel="market", at_s=0.01)
    run.fault("disconnect", channel="market")


def skew(seconds: float) -> Deed:
    def move(run: WatchedRun) -> None:
        run.skew_ns = round(seconds * S_NS)

    return move


def trip(run: WatchedRun) -> None:
    Tripwire.fails = True


def refuse(run: WatchedRun) -> None:
    run.fault("refused", route="POST /order*", error="not enough balance / allowance")


async def ghosts(run: WatchedRun) -> None:
    run.fault("ghost_fills", share=1.0, after_s=3, for_s=20)
    run.sell_into(run.bids()[:6])


async def clear_and_resume(run: WatchedRun) -> None:
    run.clear()
    await run.resume()


async def refund(run: WatchedRun) -> None:
    run.fund(50)
    await run.resume()


def changed(*pairs: tuple[str, str]) -> str:
    text = FILE
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    return text


LARGER = ("base_usd: 5", "base_usd: 25")
TRIGGERS = [
    Trigger("market sockets silent, REST down", Hazard.STALE_FEED, silence, WatchedRun.clear),
    Trigger("market sockets half open, REST down", Hazard.STALE_FEED, half_open,
            WatchedRun.clear),
    Trigger("market sockets lost", Hazard.STALE_FEED, disconnect, WatchedRun.clear),
    Trigger("user channel lost", Hazard.USER_FEED_LOST,
            lambda run: run.fault("half_open", channel="user"), WatchedRun.clear),
    Trigger("user channel half open, PING every 2 s", Hazard.USER_FEED_LOST,
            lambda run: run.fault("half_open", channel="user"), WatchedRun.clear,
            changed(("ping_s: 0.15, pong_timeout_s: 0.6", "ping_s: 2, pong_timeout_s: 30")),
            speed=1.0, within_s=12),
    Trigger("heartbeats refused", Hazard.HEARTBEAT_LOST,
            lambda run: run.fault("heartbeat_refusal", for_s=600), WatchedRun.clear),
    Trigger("heartbeats unanswered", Hazard.HEARTBEAT_LOST,
            lambda run: run.fault("timeout_before", route="*/heartbeats"), WatchedRun.clear),
    Trigger("clock 5 s ahead", Hazard.CLOCK_SKEW, skew(5), skew(0), within_s=5),
    Trigger("clock 5 s behind", Hazard.CLOCK_SKEW, skew(-5), skew(0), within_s=5),
    Trigger("a plugin that can veto fails", Hazard.PLUGIN_FAILED, trip, None),
    Trigger("kill switch: file", Hazard.KILL_SWITCH,
            lambda run: run.folder.kill("tested", "a test") and None, WatchedRun.resume,
            speed=1.0),
    Trigger("kill switch: SIGUSR1", Hazard.KILL_SWITCH,
            lambda run: os.kill(os.getpid(), signal.SIGUSR1), WatchedRun.resume, speed=1.0),
    Trigger("portfolio_risk: daily loss", Hazard.RISK_HALT, WatchedRun.lose_money, None,
            changed(("daily_loss_share: 0.05", "daily_loss_share: 0.0005"), LARGER)),
    Trigger("portfolio_risk: drawdown", Hazard.RISK_HALT, WatchedRun.lose_money, None,
            changed(("daily_loss_share: 0.05", "drawdown_share: 0.0005"), LARGER)),
    Trigger("limits.max_daily_loss_usd", Hazard.LIMIT_BROKEN, WatchedRun.lose_money, None,
            changed(("max_daily_loss_usd: 250", "max_daily_loss_usd: 0.5"), LARGER)),
    Trigger("the account's disk is full", Hazard.STORE_FAILED, WatchedRun.fill_disk, None),
    Trigger("30 orders refused in a minute", Hazard.REJECTS, refuse, clear_and_resume,
            within_s=60),
    Trigger("settlements fail (ghost fills)", Hazard.SETTLEMENTS_FAIL, ghosts, None,
            changed(LARGER)),
    Trigger("50 USD are gone", Hazard.DIFFERENCES, lambda run: run.fund(-50), refund,
            changed(("tracing:", "production: {reconcile_s: 5}\ntracing:"))),
]  # fmt: skip


async def do(deed: Deed, run: WatchedRun) -> None:
    done = deed(run)
    if done is not None:
        await done


async def fire(trigger: Trigger, folder: Path, again_s: float = 60.0) -> Seen:
    """Fire one trigger with orders resting, hold everything to its promise, and undo it."""
    hazard = trigger.hazard
    async with (
        exchange_of(trigger.speed) as exchange,
        trading(folder, exchange, text=trigger.text) as run,
    ):
        caused_ns = run.now_ns
        await do(trigger.cause, run)
        await run.until(lambda: run.standing().get(hazard) in ("pull", "halt"), f"{hazard}")
        assert run.now_ns - caused_ns < trigger.within_s * S_NS
        action = run.standing()[hazard]
        said = next(
            one for one in run.said("Hazard", hazard=hazard) if one.fields["action"] == action
        )
        await run.until(lambda: bool(run.said("Cancel-all verified", reason=hazard)), "the proof")
        proof = run.said("Cancel-all verified", reason=hazard)[0]
        gone_ns = run.last_gone_ns()
        assert run.resting == 0
        # Nothing new as long as it stands; what was under way when it was raised has been swept.
        await run.pass_s(1.0 if trigger.speed == 1 else 3.0)
        assert run.standing()[hazard] == action
        assert run.came_since(proof.ts_ns) == []
        assert run.came_since(said.ts_ns + round(IN_FLIGHT_S * trigger.speed * S_NS)) == []
        took_s = None
        if action == "halt":
            await run.until(lambda: run.folder.killed() is not None, "the switch on disk")
        if trigger.undo is not None:
            undone_ns = run.now_ns
            await do(trigger.undo, run)
            await run.until(lambda: hazard not in run.standing(), f"{hazard} over", again_s)
            await run.until(lambda: bool(run.came_since(undone_ns)), "quoting again", again_s)
            await run.quoting(10, again_s)
            took_s = (run.now_ns - undone_ns) / S_NS
            assert run.folder.killed() is None
        result = await run.stop()
        assert not result["left_unproved"]
        assert run.resting == 0
        safety = run.facts()["safety"]
        assert safety["raised"][hazard] >= 1
        assert (hazard in safety["standing"]) is (trigger.undo is None)
        assert {"reason": str(hazard), "left": 0}.items() <= next(
            one for one in safety["sweeps"] if one["reason"] == hazard
        ).items()
    return Seen(
        trigger.name, hazard, action, (said.ts_ns - caused_ns) / S_NS,
        (gone_ns - caused_ns) / S_NS, (proof.ts_ns - caused_ns) / S_NS,
        float(str(proof.fields["took_s"])), took_s,
    )  # fmt: skip
