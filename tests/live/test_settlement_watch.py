"""Failed settlements and refusals within their windows."""

import pytest

from live_venue import START, S
from live_words import Teller, a_fill
from polyframe.hazards import Hazard
from polyframe.live_settings import ProductionSettings
from polyframe.polymarket.account_words import TradeStatus
from polyframe.runtime.live.settlement_watch import SettlementWatch

SETTINGS = ProductionSettings(max_failed_share=0.02, failed_least=2, max_rejects_per_min=3)


def settled(told: Teller, watch: SettlementWatch, count: int, status: str) -> None:
    for _ in range(count):
        order = told.resting(told.ledger.numbers.order)
        name = f"t-{order.order_id}"
        told.hear(a_fill(order, 10, trade_id=name))
        change = told.ledger.heard([a_fill(order, 10, TradeStatus(status), name)], told.now)
        watch.saw(change.rows, told.now)


@pytest.mark.parametrize(
    ("confirmed", "failed", "alarms"),
    [(0, 1, False), (0, 2, True), (98, 2, False), (97, 2, True), (96, 2, True)],
)
def test_settlements_fail_too_often_by_share_and_by_number(confirmed, failed, alarms) -> None:
    told, watch = Teller(), SettlementWatch(SETTINGS)
    settled(told, watch, confirmed, "CONFIRMED")
    settled(told, watch, failed, "FAILED")
    assert (Hazard.SETTLEMENTS_FAIL in watch.alarms(told.now)) is alarms
    assert watch.ended(told.now) == (failed, confirmed + failed)


def test_the_window_rolls() -> None:
    told, watch = Teller(), SettlementWatch(SETTINGS)
    settled(told, watch, 2, "FAILED")
    assert watch.alarms(told.now + 599 * S)[Hazard.SETTLEMENTS_FAIL] == (
        "2 of 2 settlements failed within 600 s (at most 2%)"
    )
    assert not watch.alarms(told.now + 600 * S)


def test_the_window_outlasts_a_run() -> None:
    told, watch = Teller(), SettlementWatch(SETTINGS)
    settled(told, watch, 2, "FAILED")
    told.wait(590)
    after = SettlementWatch(SETTINGS, told.ledger.fills)
    assert after.ended(told.now) == (2, 2)
    assert Hazard.SETTLEMENTS_FAIL in after.alarms(told.now)
    assert after.failed == 0  # of this run
    assert not after.alarms(told.now + 10 * S)


def test_what_is_under_way_is_not_counted_and_legs_settle_together() -> None:
    told, watch = Teller(), SettlementWatch(SETTINGS)
    first, second = told.resting(1), told.resting(2)
    words = [a_fill(first, 10), a_fill(second, 10)]
    watch.saw(told.ledger.heard(words, told.now).rows, told.now)
    assert watch.ended(told.now) == (0, 0)
    failed = [a_fill(first, 10, TradeStatus.FAILED), a_fill(second, 10, TradeStatus.FAILED)]
    watch.saw(told.ledger.heard(failed, told.now).rows, told.now)
    assert watch.ended(told.now) == (1, 1)


def test_refusals_are_counted_by_the_minute() -> None:
    watch = SettlementWatch(SETTINGS)
    for second in range(4):
        assert Hazard.REJECTS not in watch.alarms(START + second * S)
        watch.rejected(START + second * S)
    assert watch.alarms(START + 4 * S)[Hazard.REJECTS] == (
        "4 orders refused within a minute (at most 3)"
    )
    assert not watch.alarms(START + 60 * S)
