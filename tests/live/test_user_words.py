"""The user channel's words before the engine knows what it begins from."""

from live_venue import START
from live_words import Teller, a_fill, names
from polyframe.live_settings import ProductionSettings
from polyframe.polymarket.account_words import VenueFill, VenueOrder
from polyframe.runtime.live.user_words import UserWords


class Told(Teller):
    """A teller that a writer's callers may put changes into."""

    def put(self, change) -> None:
        self.take(change)


def words_of(told: Told) -> UserWords:
    return UserWords(
        told.ledger, told, ProductionSettings(), clock=lambda: told.now,
        alarm=lambda *_: None, compare=lambda _: None, close_gap=lambda _: None,
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
