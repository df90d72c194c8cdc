"""The halt: when it begins, that it stays, and how it ends."""

from __future__ import annotations

import json

import pytest

from polyframe import Quote, ReportPeriod
from polyframe.testing.builders import (
    HOUR_NS,
    NOW_NS,
    a_context,
    a_cycle,
    a_fill,
    a_market,
    a_plugin,
    a_portfolio,
    a_position,
    an_order,
)
from polyframe_portfolio_risk import PortfolioRisk

MARKET = a_market()
NOTHING = Quote(MARKET.market_id)
DAY_NS = 24 * HOUR_NS


class Account:
    """A plugin over one store, restarted with other settings at will."""

    def __init__(self):
        self.store = {}
        self.lines = []
        self.restart()

    def restart(self, **settings):
        self.store = json.loads(json.dumps(self.store))
        context = a_context("portfolio_risk", store=self.store, lines=self.lines)
        self.plugin = a_plugin(PortfolioRisk, context, **settings)

    def codes(self, equity_usd, *, day_start=5000, peak=5000, now_ns=NOW_NS):
        portfolio = a_portfolio(
            equity_usd=equity_usd, day_start_equity_usd=day_start, peak_equity_usd=peak
        )
        found = self.plugin.pre_quote_veto(NOTHING, MARKET, portfolio, now_ns)
        assert all(veto.side is None for veto in found)
        return [veto.code.removeprefix("portfolio_risk.") for veto in found]


@pytest.mark.parametrize(
    ("equity", "day_start", "peak", "codes"),
    [
        (4750, 5000, 5000, []),  # exactly 5 % is not more than 5 %
        (4749.99, 5000, 5000, ["daily_loss"]),
        (4750, 4800, 5000, []),
        (5100, 5100, 6000, []),  # exactly 15 %
        (5099.99, 5100, 6000, ["drawdown"]),
        (6000, 5000, 6000, []),
    ],
)
def test_when_it_halts(equity, day_start, peak, codes):
    assert Account().codes(equity, day_start=day_start, peak=peak) == codes


def test_the_veto_carries_loss_and_limit_in_usd():
    portfolio = a_portfolio(equity_usd=4700, day_start_equity_usd=5000, peak_equity_usd=5000)
    (veto,) = a_plugin(PortfolioRisk).pre_quote_veto(NOTHING, MARKET, portfolio, NOW_NS)
    assert (veto.observed, veto.limit) == (300.0, 250.0)


def test_it_stays_when_the_loss_is_won_back_the_day_ends_and_the_program_restarts():
    account = Account()
    assert account.codes(4700) == ["daily_loss"]
    assert account.codes(5200) == ["daily_loss"]
    assert account.codes(5200, day_start=5200, now_ns=NOW_NS + DAY_NS) == ["daily_loss"]
    account.restart()
    assert account.codes(5200, peak=5200) == ["daily_loss"]
    assert [name for name, _ in account.lines] == ["RISK_HALT"]
    assert account.lines[0][1]["resume_with"] == "resume_after_halt: 1"


def test_the_operator_resumes_by_naming_the_halt():
    account = Account()
    account.codes(4700)
    account.restart(resume_after_halt=2)
    assert account.codes(4700) == ["daily_loss"]
    account.restart(resume_after_halt=1)
    assert account.codes(4700) == []
    assert account.lines[-1][0] == "RISK_RESUMED"


def test_after_a_resume_losses_count_from_what_was_accepted():
    account = Account()
    account.codes(4000, day_start=4000)
    account.restart(resume_after_halt=1)
    assert account.codes(4000) == []  # neither the old peak nor the day's start halts again
    assert account.codes(3801) == []
    assert account.codes(3799) == ["daily_loss"]
    assert account.store["halted"]["number"] == 2


def test_after_a_resume_the_peak_rises_again():
    account = Account()
    account.codes(4000, day_start=4000)
    account.restart(resume_after_halt=1)
    later = NOW_NS + DAY_NS
    assert account.codes(4000) == []
    assert account.codes(4600, day_start=4400, now_ns=later) == []
    assert account.codes(3900, day_start=3950, now_ns=later) == ["drawdown"]


def test_a_left_over_resume_does_not_let_the_first_halt_pass():
    account = Account()
    account.restart(resume_after_halt=1)
    assert account.codes(4700) == ["daily_loss"]
    assert account.codes(4700) == ["daily_loss"]
    assert account.store["halted"]["number"] == 2


def test_a_fill_and_a_cycle_end_notice_the_loss_too():
    lost = a_portfolio(equity_usd=4700, day_start_equity_usd=5000, peak_equity_usd=5000)
    for notice in (
        lambda plugin: plugin.on_fill(a_fill(), lost, NOW_NS),
        lambda plugin: plugin.on_cycle_end(a_cycle(), lost, NOW_NS),
    ):
        account = Account()
        notice(account.plugin)
        assert account.codes(5000) == ["daily_loss"]


def test_the_report_shows_exposures_caps_and_the_halt():
    account = Account()
    period = ReportPeriod(day="2026-05-28", start_ns=0, end_ns=1, facts={})
    section = account.plugin.report_section(period)
    assert (section["exposures"], section["halted"]) == (None, None)
    assert section["refusals"] == []
    assert (section["scenario"], section["budgets"]) == (None, None)
    market = a_market(
        "m",
        cluster_id="politics",
        position=a_position(yes=50, cost_usd=20),
        orders=[an_order("m", "bid", 5000, 10)],
    )
    gone = {"gone": a_position(no=10, cost_usd=5)}
    account.plugin.on_cycle_end(a_cycle(), a_portfolio(markets=[market], positions=gone), NOW_NS)
    section = account.plugin.report_section(period)
    assert section["exposures"] == {
        "equity_usd": 5000.0,
        "markets": {
            "gone": {"exposure_usd": 5.0, "cap_usd": 0.0, "utilisation": None},
            "m": {"exposure_usd": 25.0, "cap_usd": 50.0, "utilisation": 0.5},
        },
        "clusters": {
            "politics": {"exposure_usd": 25.0, "cap_usd": 600.0, "utilisation": 0.041667},
            "unknown:gone": {"exposure_usd": 5.0, "cap_usd": 600.0, "utilisation": 0.008333},
        },
        "aggregate": {"exposure_usd": 30.0, "cap_usd": 2000.0, "utilisation": 0.015},
    }
    json.dumps(section, allow_nan=False)
