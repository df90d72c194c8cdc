"""Books as ladders, scripted worlds and tapes: what makes a plugin's own tests readable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polyframe import MarketState, events, hookimpl
from polyframe.errors import TapeError
from polyframe.runtime.tape import Head, TapeWriter
from polyframe.strategy.loading import check_profiles
from polyframe.strategy.source import parse_source
from polyframe.testing import Scenario, TapePlayer, book
from polyframe.testing.builders import NOW_NS, a_plugin
from polyframe.testing.ladder import price_e4
from polyframe_maker import Maker
from runtime_driver import Driver, spec
from tight_guard import Guard

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
