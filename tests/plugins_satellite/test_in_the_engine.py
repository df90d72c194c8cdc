"""Through the engine and the paper venue: a prediction becomes a position and is given up again."""

from __future__ import annotations

import json

import pytest

from polyframe_satellite import Satellite as TheSatellite
from runtime_driver import SHARE, Driver, spec


@pytest.fixture
def driver(tmp_path):
    path = tmp_path / "predictions.jsonl"
    row = {"market": "m1", "probability": 0.8, "confidence": 1, "robustness": 5, "tier": "A"}
    path.write_text(json.dumps({**row, "expiry": "2030-01-01T00:00:00Z"}), encoding="utf-8")

    class Satellite(TheSatellite):  # the driver configures by class
        class Config(TheSatellite.Config, frozen=True, kw_only=True):
            predictions_file: str = str(path)

    driver = Driver(classes=(Satellite,))
    driver.start(spec())
    return driver


def test_a_prediction_is_bought_held_and_sold_when_the_market_agrees(driver):
    driver.book(1, 49, 51, size=5000.0)
    for second in range(2, 9):
        driver.at(second)
    (bought,) = driver.fills
    assert (bought.component, bought.is_yes, bought.is_buy) == ("satellite", True, True)
    assert (bought.price_e4, bought.is_maker) == (5100, False)
    assert 90 * SHARE < bought.size_e6 < 98 * SHARE + SHARE // 10
    driver.book(30, 60, 62, size=5000.0)
    for second in range(31, 90):
        driver.at(second)
    assert len(driver.fills) == 1  # held
    driver.book(100, 79, 81, size=5000.0)
    for second in range(101, 108):
        driver.at(second)
    (_, sold) = driver.fills
    assert (sold.is_yes, sold.is_buy, sold.size_e6) == (True, False, bought.size_e6)
    assert driver.engine.account.position("m1").yes_e6 == 0
    driver.book(200, 49, 51, size=5000.0)
    driver.at(260)
    driver.at(265)
    assert len(driver.fills) == 2  # one position for one belief


def test_the_head_of_a_tape_carries_the_predictions(driver):
    kept = driver.machine.stores()["satellite"]["predictions"]
    assert kept["is_unused"]
    assert json.loads(kept["text"])["market"] == "m1"
    driver.book(1, 49, 51)
    driver.at(2)
    assert not kept["is_unused"]
