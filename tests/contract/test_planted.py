"""The contract proves itself: each planted fault is caught by its own check, and by no other.

And in the real engine each is refused at load or contained as docs/hooks.md says.
"""

from __future__ import annotations

import pytest

from planted import PLANTED, Planted
from planted_at_import import StartedAtImport
from polyframe.errors import PluginRefused
from polyframe.model import ReportPeriod
from polyframe.testing import CHECKS, CannotBeJudged, ContractBroken, Subject, subject_of
from polyframe.testing.elsewhere import live_elsewhere
from polyframe.testing.subject import built
from runtime_driver import Driver, TwoCents, codes

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover


def by_name(plant: Planted) -> str:
    return plant.kind.__name__


@pytest.fixture(scope="module")
def subjects() -> dict[str, Subject]:
    return {plant.name: subject_of(plant.kind, name=plant.name) for plant in PLANTED}


@pytest.fixture(scope="module", autouse=True)
def _lived_elsewhere(subjects: dict[str, Subject]) -> None:
    """Let all of them live in the same few Pythons, so that no test has to start its own."""

    def loads(subject: Subject) -> bool:
        try:
            built(subject)
        except CannotBeJudged:
            return False
        return True

    # An import is seen the first time only, and one of their modules imports the other.
    plants = sorted(PLANTED, key=lambda plant: plant.kind is not StartedAtImport)
    live_elsewhere([subjects[one.name] for one in plants if loads(subjects[one.name])])


def verdicts(subject: Subject) -> dict[str, str]:
    """Return the message of each check that fails."""
    broken: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            check(subject)
        except ContractBroken as error:
            broken[name] = str(error)
        except CannotBeJudged:
            continue
    return broken


@pytest.mark.parametrize("plant", PLANTED, ids=by_name)
def test_a_fault_is_caught_by_its_own_check_and_by_no_other(
    plant: Planted, subjects: dict[str, Subject]
) -> None:
    broken = verdicts(subjects[plant.name])
    assert list(broken) == [plant.check]
    assert plant.words in broken[plant.check]
    assert "\n" not in broken[plant.check]


def test_every_check_has_a_plugin_that_breaks_it() -> None:
    assert {plant.check for plant in PLANTED} == set(CHECKS)


# --- in the engine -----------------------------------------------------------------------


def lived(plant: Planted) -> Driver:
    """Return a short run with the plugin in it: books, a fill, cycles, nobody's network."""
    driver = Driver(classes=(plant.kind, TwoCents))
    driver.start()
    driver.book(1, 49, 51)
    driver.at(1.5)
    driver.at(2)
    driver.trade(3, 48, 30)
    driver.at(4)
    driver.book(5, 49, None)
    driver.at(6)
    driver.book(7, 49, 51)
    driver.at(61)
    driver.at(62)
    driver.book(63, 50, 52)
    driver.at(122)
    return driver


@pytest.mark.parametrize("plant", [one for one in PLANTED if one.run == "refused"], ids=by_name)
def test_what_could_go_wrong_silently_does_not_load(plant: Planted) -> None:
    with pytest.raises(PluginRefused, match=f"plugin '{plant.name}'"):
        lived(plant)


@pytest.mark.parametrize("plant", [one for one in PLANTED if one.run != "refused"], ids=by_name)
def test_what_loads_is_contained_and_the_run_goes_on(plant: Planted) -> None:
    driver = lived(plant)
    period = ReportPeriod(day="d", start_ns=0, end_ns=driver.now_ns, facts={})
    sections = driver.machine.dispatcher.report_section(period)
    problems = {problem.action for problem in driver.machine.dispatcher.problems}
    # The run went on: cycles passed, the other plugin was told, and decisions were taken.
    assert driver.machine.engine.cycles >= 2
    assert driver.decisions[-1].ts_ns > driver.ts(62)
    told = [kind for kind, _ in driver.machine.plugins["two_cents"].told]
    assert {"book", "cycle"} <= set(told)
    last = driver.last
    match plant.run:
        case "unseen":
            assert not problems
            assert last.outcome in ("quoted", "unchanged")
        case "vetoes this market":
            assert problems == {"vetoes this market"}
            refused = [one for one in driver.decisions if "runtime.plugin_error" in codes(one)]
            assert refused
            votes = [vote for vote in refused[0].vetoes if "plugin_error" in vote.veto.code]
            assert {vote.plugin for vote in votes} == {plant.name}
        case "detached":
            assert problems == {"detached"}
            assert driver.machine.dispatcher.detached == (plant.name,)
            assert last.outcome in ("quoted", "unchanged")
        case "no answer":
            assert "no answer" in problems or "detached" in problems
        case "runtime.off_tick":
            assert not problems
            assert "runtime.off_tick" in codes(last)
        case "readings left out":
            assert problems == {"readings left out"}
            assert last.outcome in ("quoted", "unchanged")
        case "section left out":
            assert problems == {"section left out"}
            assert set(sections[plant.name]) == {"error"}
            assert last.outcome in ("quoted", "unchanged")
        case _:
            raise AssertionError(plant.run)
