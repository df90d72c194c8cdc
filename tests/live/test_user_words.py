"""The user channel's words before the engine knows what it begins from."""

from live_venue import START, S
from live_words import Teller, a_fill, names
from polyframe.hazards import Action, Hazard
from polyframe.live_settings import ProductionSettings
from polyframe.polymarket.account_words import VenueFill, VenueOrder
from polyframe.runtime.live.user_words import UserWords


class Told(Teller):
    """A teller that a writer's callers may put changes into."""

    def put(self, change) -> None:
        self.take(change)


def words_of(told: Told, alarm=lambda *_: None, close_gap=lambda _: None) -> UserWords:
    return UserWords(
        told.ledger, told, ProductionSettings(), clock=lambda: told.now,
        alarm=alarm, compare=lambda _: None, close_gap=close_gap,
    )  # fmt: skip


def test_what_is_heard_before_the_engine_goes_on_is_booked_after_it() -> None:
    """A snapshot names one booking up to which all is in it: none may be told before its turn."""
    before = Told()
    order, other = before.resting(1), before.resting(2)
    before.hear(a_fill(order, 4))
    told = Told(before.rows)  # the snapshot is older than the fill
    words = words_of(told)
    frame: list[VenueOrder | VenueFill] = [a_fill(other, 3, trade_id="t2")]
    words.on_words(frame)
    assert told.events == []
    assert told.ledger.given_seq == 0
    told.take(told.ledger.resume(START))
    words.release()
    fills = [event for event in told.events if names([event]) == ["OrderFilled"]]
    assert [event.trade_id for event in fills] == ["t1", "t2"]
    assert told.ledger.given_seq == 2
    words.on_words([a_fill(other, 3, "CONFIRMED", "t2")])
    assert [row.status for row in told.ledger.fills if row.trade_id == "t2"] == ["CONFIRMED"]


def test_the_gap_begins_when_the_channel_last_spoke_and_not_when_its_silence_showed() -> None:
    told = Told()
    alarms: list[tuple[object, ...]] = []
    gaps: list[str] = []
    words = words_of(told, lambda *said: alarms.append(said), gaps.append)
    words.on_up()
    told.wait(1)
    told.read_trades()  # nothing is doubted any more
    gaps.clear()
    told.wait(600)
    heard_ns = told.now
    told.wait(300)
    assert told.ledger.questions(told.now).trades_since_s is None
    words.on_down("silent for 5 s after a PING", heard_ns)
    assert alarms[-1] == (Hazard.USER_FEED_LOST, Action.HOLD, "silent for 5 s after a PING")
    told.wait(1)
    words.on_down("cannot connect", heard_ns)
    words.on_up()
    assert alarms[-1] == (Hazard.USER_FEED_LOST, None)
    assert gaps == ["the user channel is back"]
    since_s = told.ledger.questions(told.now).trades_since_s
    assert since_s is not None
    assert heard_ns // S - 120 <= since_s <= heard_ns // S


def test_a_channel_that_has_never_spoken_misses_what_was_said_since_the_run_began() -> None:
    told = Told()
    words = words_of(told)
    words.on_down("cannot connect", 0)
    told.wait(900)
    words.on_up()
    since_s = told.ledger.questions(told.now).trades_since_s
    assert since_s is not None
    assert since_s <= START // S
