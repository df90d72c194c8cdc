"""What polyframe.testing gives plugin authors: three lines, ladders, worlds, tapes."""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

import polyframe
from polyframe import (
    Config,
    MarketState,
    MarketView,
    Plugin,
    PortfolioView,
    Quote,
    Veto,
    events,
    hookimpl,
)
from polyframe.errors import PluginNotFound, TapeError
from polyframe.runtime.plugins import class_faults
from polyframe.runtime.signatures import HOOK_ARGUMENTS
from polyframe.runtime.tape import Head, TapeWriter
from polyframe.strategy.loading import check_profiles
from polyframe.strategy.source import parse_source
from polyframe.testing import (
    CHECKS,
    ContractBroken,
    PluginContract,
    Scenario,
    TapePlayer,
    book,
    subject_of,
)
from polyframe.testing.annotations import annotation_faults
from polyframe.testing.builders import NOW_NS, a_plugin
from polyframe.testing.ladder import price_e4
from polyframe.testing.outside import watched
from polyframe.testing.recording import plain_recording
from polyframe.testing.timings import lines, p99_ns
from polyframe_maker import Maker
from runtime_driver import Driver, spec


class Guard(Plugin):
    """Refuses spreads under two cents, and counts what it refused."""

    api_versions = (1, 1)
    codes = ("guard.tight",)

    def __init__(self, config: Config, context: polyframe.Context) -> None:
        super().__init__(config, context)
        self._refused = 0

    @hookimpl
    def pre_quote_veto(self, quote: Quote, market: MarketView) -> Sequence[Veto] | None:
        spread_e4 = market.book.spread_e4
        if spread_e4 is None or spread_e4 >= 200:
            return None
        self._refused += 1
        return [Veto("guard.tight", None, spread_e4 / 100, 2.0)]

    @hookimpl
    def report_section(self) -> dict[str, int]:
        return {"refused": self._refused}


class TestGuard(PluginContract):
    """A class of this module, given as a class."""

    plugin = Guard
    name = "guard"

    def more(self, world: Scenario) -> None:
        world.book("49c x 5 | 50c x 5", at_s=3, market="0xmore")


# --- the three lines ---------------------------------------------------------------------

STRANGER = """
    from polyframe import Plugin, Veto, hookimpl

    class SpreadGuard(Plugin):
        {api}codes = ("spread_guard.tight",)

        @hookimpl
        def pre_quote_veto(self, market):
            if market.book.spread_e4 is not None and market.book.spread_e4 < 200:
                return [Veto("spread_guard.tight", None, market.book.spread_e4 / 100, 2.0)]
"""
THREE_LINES = """
    from polyframe.testing import PluginContract

    class TestContract(PluginContract):
        plugin = "spread_guard"
"""


def outcome_of(folder: Path, api: str) -> subprocess.CompletedProcess[str]:
    """Run a stranger's test of a stranger's package, in a pytest of its own."""
    info = folder / "spread_guard-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spread-guard\nVersion: 1.0\n")
    points = "[polyframe.plugins]\nspread_guard = spread_guard:SpreadGuard\n"
    (info / "entry_points.txt").write_text(points)
    (folder / "spread_guard.py").write_text(textwrap.dedent(STRANGER).format(api=api))
    (folder / "test_contract.py").write_text(textwrap.dedent(THREE_LINES))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_contract.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_three_lines_hold_a_stranger_s_package_to_the_contract(tmp_path: Path) -> None:
    done = outcome_of(tmp_path, "api_versions = (1, 1)\n    ")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CHECKS)} passed" in done.stdout
    assert "hook call times" in done.stdout
    assert "p99 us" in done.stdout
    assert "spread_guard         pre_quote_veto" in done.stdout


def test_the_message_says_what_to_write(tmp_path: Path) -> None:
    done = outcome_of(tmp_path, "")
    assert done.returncode == 1
    assert f"1 failed, {len(CHECKS) - 1} passed" in done.stdout
    assert "write 'api_versions = (1, 1)', the oldest and the newest" in done.stdout


def test_the_pytest_plugin_loads_nothing_and_builders_need_no_pytest() -> None:
    script = (
        "import sys; sys.modules['pytest'] = None\n"
        "import polyframe.testing.pytest_plugin\n"
        "heavy = {'polyframe.runtime.plugins', 'polyframe.strategy', 'polyframe.events'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "from polyframe.testing.builders import a_market\n"
        "from polyframe.testing import book, check_everything, subject_of\n"
        "check_everything(subject_of('truth_report'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_checks_are_the_tests() -> None:
    tests = [name.removeprefix("test_") for name in vars(PluginContract) if "test_" in name]
    assert tests == list(CHECKS)


def test_the_tour_asks_every_hook() -> None:
    asked: set[str] = set()

    def hook(name: str) -> Any:
        scope: dict[str, Any] = {"asked": asked}
        arguments = ", ".join(("self", *HOOK_ARGUMENTS[name]))
        exec(f"def {name}({arguments}):\n    asked.add({name!r})", scope)
        return hookimpl(scope[name])

    members = {name: hook(name) for name in HOOK_ARGUMENTS}
    subject = subject_of(type("Everything", (Guard,), {"codes": (), **members}), name="everything")
    plain_recording(subject)
    assert asked == set(HOOK_ARGUMENTS), "give the new hook its place in testing/playing.py"


def test_a_class_needs_a_name_and_a_name_needs_a_claimant() -> None:
    with pytest.raises(ContractBroken, match="name = "):
        subject_of(Guard)
    with pytest.raises(PluginNotFound, match="did you mean 'maker'"):
        subject_of("makr")


def test_a_class_inside_a_function_is_told_to_move() -> None:
    class Hidden(Guard):
        codes = ("hidden.tight",)

    with pytest.raises(ContractBroken, match="at the top of its module"):
        CHECKS["answers_the_same_under_another_hash_seed"](subject_of(Hidden, name="hidden"))


def test_a_class_that_no_second_python_finds_is_told() -> None:
    hash_seeds = CHECKS["answers_the_same_under_another_hash_seed"]
    made = type("Made", (Guard,), {"codes": (), "__module__": __name__})
    with pytest.raises(ContractBroken, match=r"AttributeError: .*'Made'"):
        hash_seeds(subject_of(made, name="made"))
    scope: dict[str, Any] = {"Guard": Guard, "__name__": "nowhere"}
    exec("class Typed(Guard):\n    codes = ()", scope)
    with pytest.raises(ContractBroken, match="in no file"):
        hash_seeds(subject_of(scope["Typed"], name="typed"))


def test_settings_without_a_default_are_given_by_the_test() -> None:
    class Fussy(Guard):
        codes = ()

        class Config(polyframe.Config):
            limit: float

    with pytest.raises(ContractBroken, match="settings = "):
        CHECKS["is_built_under_both_profiles"](subject_of(Fussy, name="fussy"))
    CHECKS["is_built_under_both_profiles"](subject_of(Fussy, name="fussy", settings={"limit": 1.0}))


def test_a_class_shows_all_its_faults() -> None:
    broken = type("Broken", (), {"codes": ["x"], "Config": None})
    assert [topic for topic, _ in class_faults("broken", broken)] == ["api", "settings", "codes"]


# --- annotations -------------------------------------------------------------------------


def faults(**annotations: Any) -> list[str]:
    def pre_quote_veto(self, quote, market, portfolio, now_ns):
        return None

    pre_quote_veto.__annotations__ = annotations
    return list(annotation_faults("pre_quote_veto", pre_quote_veto))


@pytest.mark.parametrize(
    "annotation",
    [
        "Sequence[Veto] | None", "list[Veto]", "list[Veto] | None", "tuple[Veto, ...]",
        "tuple[Veto, Veto]", "None", "Any", "list", "Optional[list[Veto]]", None,
    ],
)  # fmt: skip
def test_a_return_may_promise_less(annotation: Any) -> None:
    assert faults(**{"return": annotation}) == []


@pytest.mark.parametrize(
    "annotation", ["bool", "list[str]", "Veto", "Iterable[Veto]", "list[Veto] | bool", "object"]
)
def test_a_return_may_not_promise_something_else(annotation: str) -> None:
    [fault] = faults(**{"return": annotation})
    assert "write that, or a part of it" in fault


@pytest.mark.parametrize("annotation", ["MarketView", "object", "Any", "MarketView | None"])
def test_an_argument_may_take_more(annotation: str) -> None:
    assert faults(market=annotation) == []


def test_numbers_and_names_that_cannot_be_read() -> None:
    assert faults(now_ns="int", portfolio=PortfolioView) == []
    assert faults(now_ns="float") == []
    assert "is str, but it is given int" in faults(now_ns="str")[0]
    assert "cannot be read" in faults(market="NoSuchThing")[0]


# --- ladders -----------------------------------------------------------------------------


def test_a_book_reads_like_a_ladder() -> None:
    shown = book(
        """
        49c x 100 | 51c x 80
        48c x 250 | 0.52 x 10, 0.6 x 5.5
                  | 99.99c x 1
        """
    )
    assert shown.levels("bid", 9) == [(4900, 100.0), (4800, 250.0)]
    assert shown.levels("ask", 9) == [(5100, 80.0), (5200, 10.0), (6000, 5.5), (9999, 1.0)]
    assert book("|").best_bid_e4 is None
    assert book("49c x 1 |").spread_e4 is None
    assert book("52c x 1 | 50c x 1").spread_e4 == -200


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("49c x 100", "0 bars"),
        ("49c x 1 | 51c x 1 | 52c x 1", "2 bars"),
        ("49 x 100 | 51c x 80", "write 49c or 0.49"),
        ("49c 100 | 51c x 80", "'49c x 100'"),
        ("49c x many | 51c x 80", "no number of shares"),
        ("49c x 0 | 51c x 80", "more than 0 shares"),
        ("0c x 1 | 51c x 80", "between 0 and 1"),
        ("49c x 1 | 1.0 x 80", "between 0 and 1"),
        ("49.999c x 1 |", "finer than 0.0001"),
        ("49c x 1, 0.49 x 2 |", "written twice"),
        ("", "0 bars"),
    ],
)
def test_what_is_no_ladder_is_shown(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        book(text)


def test_prices_are_exact() -> None:
    assert [price_e4(text) for text in ("0.0001", "0.07c", "99.9c", "0.29")] == [1, 7, 9990, 2900]


# --- worlds ------------------------------------------------------------------------------


def test_a_world_is_written_step_by_step() -> None:
    world = Scenario()
    world.book("49c x 100 | 51c x 80", at_s=10)
    world.fill("bid", "49c", shares=100, at_s=12)
    world.book("45c x 100 | 47c x 80", at_s=42, rules="other words", hours_to_close=3.0)
    world.cycle(at_s=60)
    last = world.moments[-1]
    assert last.now_ns == NOW_NS + 60 * 10**9
    assert last.portfolio.cash_e12 == 4951 * 10**12
    assert last.market("0xm1").position.net_yes_e6 == 100_000_000
    assert last.market("0xm1").spec.rules == "other words"
    answers = world.play(a_plugin(Maker))
    first, *_, late = answers.of("propose_quote")
    assert (first.value.fair, late.value.fair) == (0.5, 0.46)
    assert [answer.hook for answer in answers if answer.label == "cycle 1"] == [
        "propose_quote", "on_cycle_end",
    ]  # fmt: skip


def test_a_reversal_takes_back_and_a_lost_market_leaves_its_holding() -> None:
    world = Scenario().fill("ask", "40c", shares=10, at_s=1, trade_id="a")
    assert world.moments[-1].market("0xm1").position.no_e6 == 10_000_000
    world.reversal("a", at_s=2)
    assert world.moments[-1].fill.is_reversal
    assert world.moments[-1].portfolio.cash_e12 == 5000 * 10**12
    world.fill("bid", "40c", shares=10, at_s=3, market="0xgone").gone(at_s=4, market="0xgone")
    world.state(MarketState.DISPUTED, at_s=5).cycle(at_s=6)
    last = world.moments[-1]
    assert last.portfolio.market("0xgone") is None
    assert last.portfolio.positions()["0xgone"].yes_e6 == 10_000_000
    assert "0xgone" in {decision.market_id for decision in last.cycle.decisions}
    with pytest.raises(ValueError, match="time does not go back"):
        world.cycle(at_s=5)


def test_a_plugin_s_exception_is_the_test_s_business() -> None:
    class Broken(Guard):
        @hookimpl
        def pre_quote_veto(self, market):
            raise KeyError(market.market_id)

    with pytest.raises(KeyError, match="0xm1"):
        Scenario().book("|", at_s=0).play(a_plugin(Broken))


# --- watching ----------------------------------------------------------------------------


def test_watching_tells_and_ends() -> None:
    told: list[str] = []
    with watched(told.append):
        random.Random(3).random()
        time.monotonic()
    time.monotonic()
    assert len(told) == 1
    assert told[0].startswith("reads the clock (time.monotonic, test_for_authors.py:")


def test_what_garbage_collection_brings_about_is_not_the_hook_s_doing() -> None:
    def look(phase: str, info: dict[str, int]) -> None:
        time.perf_counter()

    told: list[str] = []
    gc.callbacks.append(look)
    try:
        with watched(told.append):
            kept = [[number] for number in range(100_000)]
    finally:
        gc.callbacks.remove(look)
    assert len(kept) == 100_000
    assert told == []
    assert gc.isenabled()


def test_p99_is_the_call_that_one_in_a_hundred_exceeds() -> None:
    assert p99_ns(range(1, 101)) == 100
    assert p99_ns(range(1, 1001)) == 991
    assert p99_ns([5]) == 5
    assert lines({}) == lines({"a": {"on_book": []}}) == []
    assert "1.0" in lines({"a": {"on_book": [1000]}})[1]


# --- tapes -------------------------------------------------------------------------------


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A tape of the maker alone, in a market that tightens."""
    document = {"plugins": {"maker": {}}, "profiles": {"paper": {}, "production": {}}}
    source = parse_source(json.dumps(document), "s.yaml")
    strategy = check_profiles(source, ["paper"], {"maker": Maker.Config})["paper"]
    head = Head(
        version="0", run_id="r", source="test", profile="paper", speed=1.0, config_hash="x",
        strategy=strategy.resolved, plugins={"maker": "polyframe-mm==0"}, stores={"maker": {}},
    )  # fmt: skip
    driver = Driver()
    tape = TapeWriter(tmp_path / "tape", head, rotate_bytes=10**9)
    batches: list[list[Any]] = [
        [events.RunStarted(driver.ts(0), "run", "test")],
        [events.MarketsFetched(driver.ts(0), (spec(),))],
        [events.FeedConnected(driver.ts(0), 0, ("m1-yes", "m1-no"))],
    ]
    for second in range(1, 200):
        cents = 51 if second < 90 else 50
        levels = ((4900, 500.0),), ((cents * 100, 500.0),)
        snapshot = events.BookSnapshot(driver.ts(second), 0, "m1", "m1-yes", *levels)
        batches.append([snapshot, events.Tick(driver.ts(second + 0.5))])
    for batch in batches:
        tape.batch(batch)
    tape.close()
    return tmp_path


def test_a_tape_is_played_with_one_plugin_more(recorded: Path) -> None:
    player = TapePlayer(recorded)
    assert list(player.head.plugins) == ["maker"]
    played = player.feed(Guard, name="guard")
    assert played.problems == ()
    assert played.vetoes["guard.tight"] > 0
    cast = [answer for answer in played.answers.of("pre_quote_veto", "m1") if answer.value]
    assert played.section == {"refused": len(cast)}
    assert cast[0].at_s == 89  # since the first call, a second into the run
    assert cast[0].label.startswith("tape-0001")
    assert played.decisions[0].proposal.policy == "classic"


def test_a_plugin_of_the_tape_s_name_takes_its_place(recorded: Path) -> None:
    class Silent(Maker):
        @hookimpl
        def propose_quote(self, market):
            return None

    played = TapePlayer(recorded).feed(Silent, name="maker", base_usd=20.0)
    assert {decision.outcome for decision in played.decisions} == {"no_proposal"}
    assert played.answers.of("propose_quote")
    with pytest.raises(msgspec.ValidationError):
        TapePlayer(recorded).feed(Silent, name="maker", base_usd="much")


def test_where_no_tape_is_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="no tape there"):
        TapePlayer(tmp_path)
