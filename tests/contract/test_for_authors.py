"""What polyframe.testing gives plugin authors: three lines, ladders, worlds, tapes."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

import polyframe
from polyframe import (
    PortfolioView,
    hookimpl,
)
from polyframe.errors import PluginNotFound
from polyframe.runtime.plugins import class_faults
from polyframe.runtime.signatures import HOOK_ARGUMENTS
from polyframe.testing import (
    CHECKS,
    ContractBroken,
    PluginContract,
    Scenario,
    subject_of,
)
from polyframe.testing.annotations import annotation_faults
from polyframe.testing.lives import plain_recording
from polyframe.testing.outside import watched
from polyframe.testing.timings import lines, p99_ns
from tight_guard import Guard


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
    assert "Traceback" not in done.stdout
    assert "checks_of_class.py" not in done.stdout


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
    with pytest.raises(ContractBroken, match="plugin = "):
        subject_of("")
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


# --- watching ----------------------------------------------------------------------------


def test_watching_tells_and_ends() -> None:
    told: list[str] = []
    with watched(told.append):
        random.Random(3).random()
        time.monotonic()
    time.monotonic()
    assert len(told) == 1
    assert told[0].startswith("reads the clock (time.monotonic, contract/test_for_authors.py:")


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
