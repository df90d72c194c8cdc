"""Which markets are quoted: warm-up, cycles, limits, budget, reseeds, refreshes."""

from itertools import pairwise

import msgspec
import pytest

from polyframe import Veto, events, hookimpl
from polyframe.commands import FetchMarkets, Subscribe
from polyframe.settings import CycleSettings, QuotingSettings, UniverseSettings
from runtime_driver import (
    SETTINGS,
    SHARE,
    Driver,
    TwoCents,
    codes,
    quoting_driver,
    spec,
    witness,
)

replace = msgspec.structs.replace


@pytest.fixture
def driver():
    return Driver()


@pytest.fixture
def quoting():
    return quoting_driver()


# --- selection -----------------------------------------------------------------------------


def many(count, settings=SETTINGS, **changes):
    driver = Driver(settings)
    specs = [spec(f"m{n}", **changes) for n in range(count)]
    driver.start(*specs)
    for n in range(count):
        driver.book(1, 49, 51, market=f"m{n}")
    driver.at(2)
    return driver


def test_the_active_set_ends_at_its_limits():
    settings = replace(SETTINGS, cycle=CycleSettings(max_active=3, max_per_cluster=2))
    driver = many(4, settings, market_event_id="same")
    assert driver.engine.active == ("m0", "m1")
    assert driver.engine.vetoes["runtime.cluster_full"] == 2
    driver = many(5, settings)
    assert driver.engine.active == ("m0", "m1", "m2")
    assert driver.engine.vetoes["runtime.rank"] == 2


def test_a_vetoed_market_takes_no_place():
    settings = replace(SETTINGS, cycle=CycleSettings(max_active=1))
    driver = Driver(settings)
    driver.start(spec("m1", accepting_orders=True, min_size_e6=500 * SHARE), spec("m2"))
    driver.book(1, 49, 51, market="m1")
    driver.book(1, 49, 51, market="m2")
    driver.at(2)
    assert driver.engine.active == ("m2",)
    assert codes(driver.engine.last_decision["m1"]) == {"runtime.below_min_size"}


def test_a_quoted_market_keeps_its_place_while_it_ranks_well():
    class Ranked(TwoCents):
        order = ("m0", "m1", "m2")

        @hookimpl
        def rank_markets(self, markets):
            return list(self.order)

    settings = replace(SETTINGS, cycle=CycleSettings(max_active=1, keep_within_rank=2))
    driver = Driver(settings, classes=(Ranked,))
    driver.start(*[spec(f"m{n}") for n in range(4)])
    for n in range(4):
        driver.book(1, 49, 51, market=f"m{n}")
    driver.at(2)
    assert driver.engine.active == ("m0",)
    assert driver.engine.last_decision["m3"].vetoes[0].veto.code == "runtime.rank"
    Ranked.order = ("m1", "m0", "m2")
    driver.at(63)
    assert driver.engine.active == ("m0",)
    for n in range(4):
        driver.book(100, 49, 51, market=f"m{n}")
    Ranked.order = ("m1", "m2", "m0")
    driver.at(124)
    assert driver.engine.active == ("m1",)
    driver.at(124.1)
    assert {order.market_id for order in driver.engine.orders.all_live()} == {"m1"}


def test_warm_up_ends_with_the_time_when_books_do_not_come(driver):
    driver.start()
    driver.at(9.5)
    assert not [1 for message, _ in driver.lines if message == "Warmup complete"]
    driver.at(10)
    assert ("Warmup complete", {"books": 0, "markets": 1, "seconds": "10.0"}) in driver.lines
    assert driver.engine.smallest_active == 0


def test_the_mutation_budget_spreads_the_first_quotes():
    settings = replace(SETTINGS, quoting=QuotingSettings(mutations_per_pass=4, min_interval_s=0))
    driver = many(6, settings)
    assert driver.engine.orders.placed == 4
    for n in range(1, 10):
        driver.at(2 + n / 10)
    assert driver.engine.orders.placed == 12
    assert driver.engine.decider.budget.deferred > 0


def test_an_exhausted_minute_waits_without_deciding_again_and_again():
    settings = replace(SETTINGS, quoting=QuotingSettings(mutations_per_min=2, min_interval_s=0))
    driver = many(3, settings)
    decided = len(driver.decisions)
    for n in range(20):
        driver.at(3 + n / 10)
    assert len(driver.decisions) == decided
    # The second cycle comes first; then the minute is over and places are free again.
    driver.book(63, 49, 51, market="m2", size=501.0)
    assert driver.engine.orders.placed > 2


def test_reseed_after_three_empty_sets_not_too_often_and_with_a_pause():
    universe = UniverseSettings(reseed_max_failures=2)
    driver = Driver(replace(SETTINGS, universe=universe))
    driver.start()
    asked = []
    for cycle in range(60):
        at_s = 11 + 60 * cycle
        if any(isinstance(c, FetchMarkets) and not c.market_ids for c in driver.at(at_s)):
            asked.append(cycle)
    assert asked[0] == 2
    assert all(later - sooner >= 5 for sooner, later in pairwise(asked))
    assert any(later - sooner >= 10 for sooner, later in pairwise(asked))


def test_metadata_is_refreshed_for_active_markets_and_for_all(quoting):
    seen = []
    for minute in range(1, 62):
        seen.extend((minute, c) for c in witness(quoting, 60 * minute, 49, 51))
        seen.extend((minute, c) for c in quoting.at(60 * minute + 2))
    assert seen[0] == (5, FetchMarkets(("m1",)))
    assert len(seen) == 12


def test_a_dropped_market_is_pulled_before_it_is_forgotten(quoting):
    commands = quoting.at(3, events.MarketsFetched(quoting.ts(3), (spec("m2"),)))
    assert Subscribe(("m2-yes", "m2-no")) in commands
    quoting.at(3.1)
    assert quoting.live() == []


def test_an_incomplete_universe_is_said(driver):
    driver.at(0, events.MarketsFetched(driver.ts(0), (spec(),), False, True, "page 2: 500"))
    assert ("Metadata incomplete", {"obtained": 1, "detail": "page 2: 500"}) in driver.lines
    assert driver.engine.warnings == ["metadata incomplete: page 2: 500"]


def test_a_new_reason_against_a_whole_market_is_put_to_every_quoted_one():
    driver = many(3)
    driver.at(2.1)
    assert {order.market_id for order in driver.engine.orders.all_live()} == {"m0", "m1", "m2"}
    driver.plugin.refuse = Veto("two_cents.no")  # a halt: only m0's book moves
    driver.book(3, 49, 51, market="m0", size=400.0)
    driver.at(3.5)
    driver.at(3.6)
    assert driver.live() == []
    decided = len(driver.decisions)
    driver.book(4, 49, 51, market="m0", size=300.0)
    driver.at(4.5)
    assert len(driver.decisions) <= decided + 1
