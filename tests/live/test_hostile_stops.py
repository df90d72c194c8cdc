"""Cancel-alls and stops while the venue, the disk or the run itself fails."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable

import anyio
import pytest

from exchange_side import S_NS, exchange_of
from polyframe.hazards import Hazard
from polyframe.polymarket import venue_modes
from polyframe.polymarket.account_words import VenueMode
from polyframe.runtime.live import account_folder, ending
from polyframe.runtime.tape import TapeWriter
from triggers import LARGER, changed
from watched_run import Tripwire, WatchedRun, trading

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover

Scene = Callable[[WatchedRun], Awaitable[None]]
# What is not answered is unknown soon, and given up soon: the stop waits for it.
SOON = changed(("tracing:", "production: {request_timeout_s: 2.5, unknown_after_s: 10}\ntracing:"))
# Nothing is replaced: the only cancels are those that a test brings about.
STILL = changed(
    ("mutations_per_min: 2000", "mutations_per_min: 2000, drift_ticks: 900, size_drift: 1")
)
PLACES = "POST /order*"
CANCELS = "DELETE *"


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Play a scene with orders resting."""
    monkeypatch.chdir(tmp_path)

    def played(scene: Scene, text: str = changed(), speed: float = 8.0, **more) -> WatchedRun:
        async def whole() -> WatchedRun:
            async with (
                exchange_of(speed) as exchange,
                trading(tmp_path, exchange, text=text, **more) as run,
            ):
                await scene(run)
            return run

        return anyio.run(whole)

    return played


def proofs(run: WatchedRun, reason: str) -> list[float]:
    """When a reason's sweeps were proved, market seconds since they were asked for."""
    return [float(str(one.fields["took_s"])) for one in run.said("Cancel-all verified",
                                                                 reason=reason)]  # fmt: skip


def test_a_placement_that_hangs_delays_the_proof_and_no_cancel(play):
    async def scene(run: WatchedRun) -> None:
        run.fault("timeout_before", route=PLACES, hangs_s=1_000)
        run.sell_into(run.bids()[:4])
        before = run.exchange.injection.struck["timeout_before"]
        await run.until(
            lambda: run.exchange.injection.struck["timeout_before"] > before, "a hanging placement"
        )
        assert run.resting
        killed_ns = run.now_ns
        run.folder.kill("tested", "a test")
        await run.until(lambda: run.resting == 0, "empty")
        # Seen within 0.2 s, cancelled at once; the placement hangs for two more (wall) seconds.
        assert run.last_gone_ns() - killed_ns < 1.0 * run.speed * S_NS
        assert not proofs(run, Hazard.KILL_SWITCH)
        await run.until(lambda: bool(run.said("CANCEL-ALL NOT VERIFIED")), "said to be late")
        late = run.said("CANCEL-ALL NOT VERIFIED")[0]
        assert late.ts_ns - killed_ns < (10 + 2 * run.speed) * S_NS
        await run.until(lambda: bool(proofs(run, Hazard.KILL_SWITCH)), "the proof")
        assert Hazard.SWEEPING not in run.standing()

    play(scene, SOON)


def test_a_cancel_all_that_hangs_is_not_waited_for(play):
    async def scene(run: WatchedRun) -> None:
        run.fault("timeout_before", route="DELETE /cancel-all", hangs_s=1_000)
        killed_ns = run.now_ns
        run.folder.kill("tested", "a test")
        await run.until(lambda: run.resting == 0, "empty")
        assert run.now_ns - killed_ns < 1.0 * run.speed * S_NS
        await run.until(lambda: bool(proofs(run, Hazard.KILL_SWITCH)), "the proof", 12)
        run.clear()

    play(scene, speed=2.0)


def test_a_cancel_that_hangs_holds_no_other_back(play):
    async def scene(run: WatchedRun) -> None:
        def resting_in(market_id: str) -> int:
            return sum(one.market_id == market_id for one in run.open_orders())

        first, second, *_ = dict.fromkeys(one.market_id for one in run.open_orders())
        run.fault("timeout_before", route=CANCELS, hangs_s=1_000, count=1)
        Tripwire.refused.add(first)
        await run.until(lambda: run.exchange.injection.struck["timeout_before"] == 1, "it hangs")
        Tripwire.refused.add(second)
        await run.until(lambda: resting_in(second) == 0, "the other is cancelled", 40)
        assert resting_in(first)

    play(scene, STILL)


def test_nothing_new_leaves_before_the_proof_although_the_hazard_is_over(play):
    async def scene(run: WatchedRun) -> None:
        run.fault("timeout_before", route=CANCELS, hangs_s=1_000)
        run.fault("half_open", channel="user")
        await run.until(lambda: run.standing().get(Hazard.USER_FEED_LOST) == "pull", "pulled")
        run.exchange.injection.clear()
        run.fault("refused", route=CANCELS)
        cleared_ns = run.now_ns
        await run.until(lambda: Hazard.USER_FEED_LOST not in run.standing(), "the channel back")
        await run.pass_s(5)
        assert run.standing()[Hazard.SWEEPING] == "hold"
        assert run.resting
        assert run.came_since(cleared_ns) == []
        run.clear()
        await run.until(lambda: Hazard.SWEEPING not in run.standing(), "the proof", 60)
        [proof] = run.said("Cancel-all verified", reason=Hazard.USER_FEED_LOST)
        await run.quoting()
        assert all(one.ts_ns > proof.ts_ns for one in run.came_since(cleared_ns))

    play(scene)


def test_an_order_that_arrives_long_after_the_proof_does_not_stay(play):
    async def scene(run: WatchedRun) -> None:
        run.fault("accepted_late", route=PLACES, after_s=15)
        taken = len(run.bids())
        run.sell_into(run.bids()[:4])
        await run.until(lambda: run.exchange.injection.struck["accepted_late"] > 0, "on its way")
        assert taken
        killed_ns = run.now_ns
        run.folder.kill("tested", "a test")
        await run.until(lambda: bool(proofs(run, Hazard.KILL_SWITCH)), "the proof")
        await run.until(lambda: bool(run.came_since(killed_ns)), "it arrives", 60)
        await run.until(lambda: run.resting == 0, "gone again", 20)

    play(scene)


def test_the_venue_falls_silent_during_the_stop_and_that_is_said(play, monkeypatch, capsys):
    monkeypatch.setattr(ending, "_PATIENCE_S", 2.0)

    async def scene(run: WatchedRun) -> None:
        run.fault("timeout_before", hangs_s=1_000)
        result = await run.stop()
        assert result["left_unproved"]
        assert run.said("THE BOOK IS NOT PROVED EMPTY")
        assert not run.said("Book verified empty")
        # The venue does it by itself: no heartbeat for ten seconds.
        run.trouble = lambda: ""
        await run.until(lambda: run.resting == 0, "cancelled by the venue", 20)

    play(scene)


@pytest.mark.parametrize("is_silent", [False, True], ids=["venue answers", "venue is silent"])
def test_a_run_that_fails_empties_its_book_or_says_that_it_did_not(
    play, monkeypatch, capsys, is_silent
):
    real = TapeWriter.batch

    async def scene(run: WatchedRun) -> None:
        if is_silent:
            run.fault("timeout_before", hangs_s=1_000)

        def full(self, batch):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(TapeWriter, "batch", full)
        await run.finished.wait()
        monkeypatch.setattr(TapeWriter, "batch", real)
        assert run.error is not None
        assert is_silent or not run.resting
        assert bool(run.said("THE BOOK IS NOT PROVED EMPTY")) is is_silent
        assert bool(run.said("Book verified empty")) is not is_silent

    play(scene, changed(("tracing:", "production: {verify_s: 3}\ntracing:")))
    assert ("THE BOOK IS NOT PROVED EMPTY" in capsys.readouterr().err) is is_silent


def test_a_halt_that_cannot_be_written_down_stands_all_the_same(play, monkeypatch):
    async def scene(run: WatchedRun) -> None:
        def full(path, content):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(account_folder, "_write_durably", full)
            run.fill_disk()
            run.sell_into(run.bids()[:1])
            await run.until(lambda: Hazard.STORE_FAILED in run.standing(), "the disk is full")
            await run.until(lambda: bool(run.said("Halt not kept")), "said")
            await run.until(lambda: run.resting == 0, "empty")
            assert run.folder.killed() is None
        # There is room again: it is tried until it is on disk.
        await run.until(lambda: run.folder.killed() is not None, "kept")
        assert Hazard.STORE_FAILED in run.standing()
        await run.resume()
        await run.until(lambda: run.folder.killed() is not None, "thrown again")
        assert run.standing()[Hazard.STORE_FAILED] == "halt"
        assert run.resting == 0

    run = play(scene)
    assert not run.result["left_unproved"]


def test_a_kill_file_that_nobody_can_read_kills(play):
    async def scene(run: WatchedRun) -> None:
        (run.folder.path / "KILL").mkdir()
        await run.until(lambda: Hazard.KILL_SWITCH in run.standing(), "killed", 20)
        await run.until(lambda: run.resting == 0, "empty")
        await run.pass_s(5)
        assert not run.said("Halt not kept")
        (run.folder.path / "KILL").rmdir()
        await run.quoting()

    play(scene)


@pytest.mark.parametrize(
    ("mode", "is_held"),
    [("restarting", True), ("cancel_only", True), ("disabled", True), ("post_only", False)],
)
def test_while_the_venue_takes_no_orders_none_leave_and_then_quoting_goes_on(
    play, monkeypatch, mode, is_held
):
    for believed in (VenueMode.CANCEL_ONLY, VenueMode.DISABLED):
        monkeypatch.setitem(venue_modes._USUAL_S, believed, 15.0)

    async def scene(run: WatchedRun) -> None:
        run.sell_into(run.bids()[:3])
        changed_ns = run.now_ns
        run.fault("mode", mode=mode, retry_after_s=10)
        if not is_held:
            await run.until(lambda: len(run.came_since(changed_ns)) >= 3, "a maker goes on", 30)
            assert Hazard.VENUE_MODE not in run.standing()
            return
        await run.until(lambda: run.standing().get(Hazard.VENUE_MODE) == "hold", "held", 30)
        held_ns = run.now_ns
        await run.pass_s(2)  # what was on its way
        requests = run.orders_asked
        await run.pass_s(5)
        assert run.orders_asked == requests
        assert run.came_since(changed_ns) == []
        if mode == "cancel_only":
            run.folder.kill("tested", "a test")
            await run.until(lambda: run.resting == 0, "cancels go on", 20)
            await run.resume()
        run.clear()
        cleared_ns = run.now_ns
        await run.until(lambda: bool(run.came_since(cleared_ns)), "an order", 60)
        await run.quoting(market_s=30)
        over = next(one for one in run.said("Hazard over", hazard=Hazard.VENUE_MODE)
                    if one.ts_ns > held_ns)  # fmt: skip
        first = run.came_since(cleared_ns)[0]
        # Orders may have been lost: the books are compared before anything new leaves.
        assert any(over.ts_ns - S_NS <= one.ts_ns <= first.ts_ns for one in run.said("Reconciled"))

    play(scene, SOON)


def test_a_user_channel_that_answers_and_says_nothing_hides_no_fill_for_long(play):
    async def scene(run: WatchedRun) -> None:
        run.fault("silent_socket", channel="user")
        bought = run.bids()[:3]
        markets = {run.exchange.private.desk.terms(one.token_id).market_id for one in bought}
        run.sell_into(bought)
        await run.until(lambda: markets <= set(run.engine.portfolio.held()), "booked", 25)

    play(scene, STILL)


def test_a_half_open_user_channel_holds_and_what_it_did_not_say_is_read(play):
    async def scene(run: WatchedRun) -> None:
        bought = run.bids()[:3]
        markets = {run.exchange.private.desk.terms(one.token_id).market_id for one in bought}
        run.fault("half_open", channel="user", for_s=6)
        silent_ns = run.now_ns
        run.sell_into(bought)
        await run.until(lambda: Hazard.USER_FEED_LOST in run.standing(), "held", 20)
        [held, *_] = [one for one in run.said("Hazard", hazard=Hazard.USER_FEED_LOST)
                      if one.ts_ns >= silent_ns]  # fmt: skip
        assert held.fields["action"] == "hold"
        assert "silent for" in str(held.fields["detail"])
        await run.until(lambda: markets <= set(run.engine.portfolio.held()), "booked", 20)
        await run.until(lambda: not run.standing(), "the channel and the books are back", 60)
        over = run.said("Hazard over", hazard=Hazard.USER_FEED_LOST)[-1]
        assert any(one.ts_ns >= over.ts_ns for one in run.said("Reconciled"))

    play(scene, STILL)


def test_a_risk_halt_outlasts_its_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    losing = changed(("daily_loss_share: 0.05", "daily_loss_share: 0.0005"), LARGER)

    async def whole() -> None:
        async with exchange_of(8.0) as exchange:
            async with trading(tmp_path, exchange, text=losing) as run:
                await run.lose_money()
                await run.until(lambda: Hazard.RISK_HALT in run.standing(), "halted")
                await run.pass_s(6)  # the plugin's document is saved with the cycle
            began_ns = exchange.clock()
            async with trading(tmp_path, exchange, text=losing, orders=0) as run:
                await run.until(
                    lambda: run.machine is not None and Hazard.RISK_HALT in run.standing(), "still"
                )
                await run.pass_s(10)
                assert run.came_since(began_ns) == []

    anyio.run(whole)


def test_ten_seconds_of_everything_do_not_lock_a_run(play):
    """All at once, and then nothing: within a minute it is quoting, or says why not (I25)."""

    async def scene(run: WatchedRun) -> None:
        run.sell_into(run.bids()[:2])
        run.fault("server_error", for_s=10)
        run.fault("half_open", channel="both", for_s=10)
        run.fault("heartbeat_refusal", for_s=10)
        run.fault("mode", mode="restarting", for_s=10, retry_after_s=5)
        await run.pass_s(11)
        run.clear()
        await run.quoting(market_s=60)

    play(scene, SOON)
