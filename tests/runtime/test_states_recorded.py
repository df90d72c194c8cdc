"""A market's moves are events of the record: on the tape, in the log, decided upon at once."""

import pytest

from polyframe import events
from polyframe.model import MarketState
from runtime_driver import SECOND, Driver, spec

HOUR = 3600 * SECOND


@pytest.fixture
def driver():
    driver = Driver()
    driver.changes = []
    handle = driver.machine.turn.handle

    def noted(batch):
        outcome = handle(batch)
        driver.changes.extend(outcome.states)
        return outcome

    driver.machine.turn.handle = noted
    driver.start()
    driver.book(1, 49, 51)
    driver.at(2)
    return driver


def refresh(driver, seconds, **changes):
    driver.at(
        seconds, events.MarketsFetched(driver.ts(seconds), (spec(**changes),), universe=False)
    )


def moves(driver):
    return [(str(change.old), str(change.new)) for change in driver.changes]


def test_the_way_to_a_payout(driver):
    refresh(driver, 3, uma_statuses=("proposed",))
    assert moves(driver) == [("NORMAL", "CHALLENGE_WINDOW")]
    driver.at(3 + 2 * 3600)
    assert moves(driver)[-1] == ("CHALLENGE_WINDOW", "PROPOSED")
    refresh(driver, 8000, uma_statuses=("proposed", "disputed"))
    refresh(driver, 8001, uma_statuses=("proposed", "disputed", "proposed"))
    driver.at(8002, events.MarketResolved(driver.ts(8002), 0, "m1", "m1-no"))
    assert moves(driver)[-3:] == [
        ("PROPOSED", "DISPUTED"), ("DISPUTED", "CHALLENGE_WINDOW"),
        ("CHALLENGE_WINDOW", "RESOLVED"),
    ]  # fmt: skip
    assert [change.reason for change in driver.changes[:1]] == [
        "an answer is proposed and can be disputed"
    ]
    told = [fields for message, fields in driver.lines if message == "Market state"]
    assert len(told) == len(driver.changes)


def test_a_markets_own_liveness_is_its_window(driver):
    refresh(driver, 3, uma_statuses=("proposed",), liveness_s=600.0)
    driver.at(602)
    assert moves(driver) == [("NORMAL", "CHALLENGE_WINDOW")]
    driver.at(664)
    assert moves(driver)[-1] == ("CHALLENGE_WINDOW", "PROPOSED")


def test_an_answer_that_stood_before_us_has_no_known_window():
    driver = Driver()
    driver.start(spec(uma_statuses=("proposed",)))
    driver.book(1, 49, 51)
    driver.at(2)
    assert driver.engine.markets.find("m1").state is MarketState.PROPOSED


def test_the_clock_alone_moves_a_market_that_is_not_quoted(driver):
    refresh(driver, 3, end_ns=driver.ts(3 + 72 * 3600 + 70), accepting_orders=False)
    driver.at(63)
    assert driver.engine.active == ()
    driver.at(124)
    assert moves(driver) == [("NORMAL", "WATCH")]
