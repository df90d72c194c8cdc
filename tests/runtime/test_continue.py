"""A run that goes on where another stopped: the account, the documents, and what is refused."""

import json
import sys
from pathlib import Path

import anyio
import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from polyframe import Plugin, Trade, TradeLeg, events, hookimpl
from polyframe.cli import main
from polyframe.commands import Subscribe
from polyframe.errors import PolyframeError
from polyframe.exchange import open_simulated
from polyframe.runtime.assemble import Machine
from polyframe.runtime.carried import CarriedAccount
from polyframe.runtime.day import DayRecord
from polyframe.runtime.run_state import RunState, what_is_missing, write_state
from runtime_driver import DAY, SETTINGS, SHARE, Driver, spec

STRATEGY = Path(__file__).parents[2] / "strategies" / "maker.yaml"


class Buyer(Plugin):
    """Takes what it is told to, and counts cycles in its document."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.store = context.store
        self.wanted = []
        self.bases = []

    @hookimpl
    def propose_trades(self, markets):
        trades, self.wanted = self.wanted, []
        return trades

    @hookimpl
    def on_cycle_end(self, cycle, portfolio):
        self.store["cycles"] = self.store.get("cycles", 0) + 1
        self.bases.append((portfolio.day_start_equity_e12, portfolio.peak_equity_e12))


def buys(*, is_yes=True, shares=100, component="taker"):
    limit_e4 = 5100
    return Trade(component, (TradeLeg("m1", is_yes, True, limit_e4, shares * SHARE),))


def begun(driver, start_s=0.0):
    driver.start(spec("m1"), seconds=start_s)
    driver.book(start_s + 1, 49, 51, size=400.0)
    driver.at(start_s + 2)
    return driver


def first_run():
    driver = begun(Driver(SETTINGS, classes=(Buyer,)))
    for number, trade in enumerate(
        (buys(), buys(is_yes=False, shares=40), buys(shares=10, component="satellite"))
    ):
        driver.plugin.wanted = [trade]
        driver.book(3 + number, 49, 51, size=401.0 + number)
        driver.at(3.5 + number)
    driver.book(20, 55, 57)
    assert len(driver.fills) == 3
    return driver


def next_run(driver):
    """A new machine from what the first one leaves, by way of its file's JSON."""
    account = driver.engine.portfolio.carried("run-1")
    account = msgspec.json.decode(msgspec.json.encode(account), type=CarriedAccount)
    stores = json.loads(json.dumps(driver.machine.stores()))
    again = Driver(SETTINGS, classes=(Buyer,))
    again.machine = Machine(
        SETTINGS, {"buyer": Buyer}, {"buyer": Buyer.Config()}, stores,
        lambda message, fields: None, None, account,
    )  # fmt: skip
    again.engine = again.machine.engine
    again.plugin = again.machine.plugins["buyer"]
    return again


def adds_up(driver):
    portfolio = driver.engine.portfolio
    base = driver.machine.paper.results(portfolio.marks())["base"]
    assert (base.cash_e12, base.equity_e12) == (portfolio.cash_e12, portfolio.equity_e12)
    assert portfolio.attribution_error_e12 == 0
    return portfolio.equity_e12


def test_cash_holdings_and_documents_go_on_and_no_run_claims_anothers_result():
    before = first_run()
    after = next_run(before)
    assert adds_up(after) == before.engine.portfolio.equity_e12
    assert after.engine.portfolio.bankroll_e12 == after.engine.portfolio.equity_e12
    for name in ("yes_e6", "no_e6", "yes_cost_e12", "no_cost_e12"):
        old = getattr(before.engine.portfolio.position_of("m1"), name)
        assert getattr(after.engine.portfolio.position_of("m1"), name) == old > 0
    assert {c: p.net_yes_e6 for _, c, p in after.engine.portfolio.attribution()} == {
        "taker": 60 * SHARE, "satellite": 10 * SHARE,
    }  # fmt: skip
    cycles = before.machine.stores()["buyer"]["cycles"]
    begun(after, 100)
    assert after.machine.stores()["buyer"]["cycles"] == cycles + 1
    adds_up(after)
    after.book(130, 59, 61)
    after.plugin.wanted = [Trade("taker", (TradeLeg("m1", True, False, 5900, 50 * SHARE),))]
    after.book(131, 59, 61, size=450.0)
    after.at(132)
    assert len(after.fills) == 1
    adds_up(after)
    assert after.engine.portfolio.fills == 1


def test_losses_are_measured_from_the_days_first_equity_and_the_old_peak():
    before = first_run()
    assert before.engine.portfolio.loss_basis_e12 == 5000 * 10**12
    peak_e12 = before.engine.portfolio.peak_equity_e12
    before.book(30, 40, 42)  # a loss in the first run ...
    same_day = begun(next_run(before), 100)
    # ... is still one of the day for who watches losses, and no result of this run.
    assert same_day.plugin.bases[-1] == (5000 * 10**12, peak_e12)
    assert same_day.engine.portfolio.day_start_equity_e12 == adds_up(before)
    next_day = begun(next_run(before), DAY / 10**9)
    assert next_day.plugin.bases[-1] == (next_day.engine.portfolio.bankroll_e12, peak_e12)


def test_what_resolved_in_between_is_paid_out():
    after = next_run(first_run())
    paid = replace(spec("m1"), closed=True, yes_payout_e6=1_000_000)
    after.at(100, events.RunStarted(after.ts(100), "run-2", "test"))
    after.at(100, events.MarketsFetched(after.ts(100), (paid,), universe=False))
    assert after.engine.portfolio.held() == {}
    adds_up(after)


def test_a_third_run_takes_over_from_the_second():
    second = next_run(first_run())
    third = next_run(second)
    assert adds_up(third) == adds_up(second)
    first, last = (d.engine.portfolio.carried("x") for d in (second, third))
    assert first.positions == last.positions


def test_a_held_market_the_universe_does_not_list_is_followed_once_it_is_known():
    after = next_run(first_run())
    after.start(spec("m2"), seconds=100)
    assert after.engine.markets.followed_ids() == ["m2"]
    commands = after.at(101, events.MarketsFetched(after.ts(101), (spec("m1"),), universe=False))
    assert Subscribe(("m2-yes", "m2-no", "m1-yes", "m1-no")) in commands
    after.at(102, events.MarketsFetched(after.ts(102), (spec("m1"),), universe=False))
    assert after.engine.markets.followed_ids() == ["m2", "m1"]


def test_a_profiles_profit_by_market_knows_what_was_held():
    before = first_run()
    after = next_run(before)
    record = DayRecord(after.engine, after.machine.paper, (), after.ts(100))
    begun(after, 100)
    after.book(110, 45, 47)
    day = record.facts(after.ts(110) // (86_400 * 10**9), after.ts(110))
    base = day["profiles"]["base"]
    change = base["end_equity_usd"] - base["start_equity_usd"]
    assert base["pnl_by_market_usd"] == {"m1": pytest.approx(change)}
    assert change == pytest.approx(70 * -0.10)  # 110 YES and 40 NO, from 0.56 to 0.46


def test_what_a_run_that_was_cut_off_or_a_new_plugin_lacks_is_said():
    account = first_run().engine.portfolio.carried("run-1")
    whole = RunState(source="live", is_whole=True, account=account, plugins={"buyer": {}})
    assert what_is_missing(whole, ["buyer"]) == []
    cut, new = what_is_missing(replace(whole, is_whole=False), ["buyer", "risk"])
    assert "run-1 was cut off" in cut
    assert "plugin risk has no document of run run-1" in new


def test_a_state_that_cannot_be_written_is_said_in_the_way_a_run_survives(tmp_path):
    # The run catches this error and tries again at the next cycle; any other would end it.
    account = first_run().engine.portfolio.carried("run-1")
    state = RunState(source="live", is_whole=True, account=account, plugins={})
    (tmp_path / "state.json").mkdir()
    with pytest.raises(PolyframeError, match=r"state\.json"):
        write_state(tmp_path, state)


# --- the command -----------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PAPER_MODE", raising=False)
    return tmp_path


def refused(*arguments):
    result = CliRunner().invoke(
        main, ["run", str(STRATEGY), "--profile", "paper", *map(str, arguments)]
    )
    assert result.exit_code == 2, result.output
    return result.output


def test_there_must_be_something_to_go_on_with(folder):
    assert "leave the option out for the first one" in refused("--continue")
    assert "no run of that id" in refused("--continue", "20260101T000000Z-abcdef12")


def test_a_simulated_market_begins_anew(folder):
    result = CliRunner().invoke(
        main,
        ["run", str(STRATEGY), "--profile", "paper", "--venue", "embedded", "--for", "2s",
         "--speed", "20"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    # Not even by accident, when the live venue was out of reach for one run.
    assert "in a live market: leave the option out" in refused("--continue", "--venue", "live")
    (run,) = (folder / "runs").glob("*/state.json")
    named = ("--continue", run.parent.name)
    assert "begins anew with every run" in refused(*named, "--venue", "embedded")
    (run.parent / "manifest.json").write_text(
        '{"profile": "paper", "strategy": {"settings": {"name": "another"}}}'
    )
    assert "that run is strategy 'another'" in refused(*named, "--venue", "embedded")


@pytest.mark.anyio
async def test_a_run_goes_on_over_sockets_and_its_tape_replays(folder):
    async def polyframe(*arguments):
        return await anyio.run_process([sys.executable, "-m", "polyframe", *arguments], check=False)

    async with open_simulated(7, markets=30) as exchange:
        run = ("run", str(STRATEGY), "--profile", "paper", "--venue", exchange.urls.clob_url,
               "--for", "4s", "--cycle-s", "1")  # fmt: skip
        first = await polyframe(*run)
        assert first.returncode == 0, first.stderr
        (before,) = (folder / "runs").iterdir()
        state = json.loads((before / "state.json").read_bytes())
        # As though a fill had come: nobody waits for one in a test.
        market_id = exchange.source.markets()[0]["conditionId"]
        state["account"]["cash_e12"] -= 50 * 10**12
        state["account"]["positions"] = [
            {"market_id": market_id, "yes_e6": 100 * SHARE, "no_e6": 0, "no_cost_e12": 0,
             "yes_cost_e12": 50 * 10**12, "yes_mark_e6": 500_000,
             "net_yes_e6": {"maker": 100 * SHARE}}
        ]  # fmt: skip
        (before / "state.json").write_text(json.dumps(state))
        second = await polyframe(*run, "--continue")
        assert second.returncode == 0, second.stderr
    assert f"continues={before.name}" in second.stdout.decode()
    assert (state["source"], state["is_whole"]) == ("url", True)
    (after,) = (one for one in (folder / "runs").iterdir() if one != before)
    assert json.loads((after / "manifest.json").read_bytes())["continues"] == before.name
    carried = json.loads((after / "state.json").read_bytes())["account"]
    assert [held["yes_e6"] for held in carried["positions"]] == [100 * SHARE]
    assert carried["cash_e12"] == state["account"]["cash_e12"]
    replayed = await polyframe("replay", str(after))
    assert replayed.returncode == 0, replayed.stdout
    assert b"differences=0" in replayed.stdout
