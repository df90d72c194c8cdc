"""Quote uptime and half-spreads: the golden example, and time that adds up."""

import pytest

from polyframe.testing.builders import NOW_NS, a_market, a_portfolio, an_order
from polyframe_truth_report.spreads import spreads
from polyframe_truth_report.uptime import Uptime

SECOND, DAY_NS = 10**9, 86_400 * 10**9
DAY = NOW_NS // DAY_NS


def a_settled(sign, price, shares, before, after, **more):
    return {
        "is_settled": True, "is_maker": True, "has_mid_before": True, "is_reversed": False,
        "price": price, "shares": shares, "spread_usd": sign * shares * (before - price),
        "adverse_usd": sign * shares * (after - before), **more,
    }  # fmt: skip


# quant.md A3.2
GOLDEN = [
    a_settled(+1, 0.48, 100, 0.50, 0.495),
    a_settled(-1, 0.53, 50, 0.52, 0.535),
    a_settled(+1, 0.31, 200, 0.32, 0.322),
    a_settled(-1, 0.70, 20, 0.69, 0.688),
]


def test_g10_half_spreads_three_ways():
    found = spreads(GOLDEN)
    realised = found["realised"]
    assert realised["equal_weighted_c"] == pytest.approx(0.85)
    assert realised["share_weighted_c"] == pytest.approx(1.0513514, abs=1e-7)
    assert realised["notional_weighted_bps"] == pytest.approx(258.4718, abs=1e-4)
    assert realised["total_usd"] == pytest.approx(3.89)
    assert realised["median_c"] == pytest.approx(1.2)
    assert found["effective"]["share_weighted_c"] == pytest.approx(1.2702703, abs=1e-7)
    assert found["adverse"]["share_weighted_c"] == pytest.approx(0.2189189, abs=1e-7)
    for mean in ("share_weighted_c", "equal_weighted_c", "notional_weighted_bps"):
        effective, adverse = found["effective"][mean], found["adverse"][mean]
        assert realised[mean] == pytest.approx(effective - adverse, abs=1e-12)


@pytest.mark.parametrize(
    "change",
    [{"is_settled": False}, {"is_maker": False}, {"has_mid_before": False}, {"is_reversed": True},
     {"adverse_usd": None}],
)  # fmt: skip
def test_what_proves_nothing_is_left_out(change):
    found = spreads([*GOLDEN, a_settled(1, 0.5, 10, 0.6, 0.7, **change)])
    assert found == spreads(GOLDEN)


def test_no_fill_is_no_spread():
    assert spreads([])["realised"]["median_c"] is None


BID = an_order(side="bid", yes_price_e4=4800, shares=100)
ASK = an_order(side="ask", yes_price_e4=5200, shares=50)


def seen(*orders):
    return a_market(orders=orders)


def test_uptime_is_the_share_of_active_time_with_both_sides():
    uptime = Uptime()
    uptime.look(seen(BID, ASK), NOW_NS)  # not active yet: nothing counts
    uptime.cycle(["0xm1"], a_portfolio(markets=[seen(BID, ASK)]), NOW_NS)
    uptime.look(seen(BID), NOW_NS + 10 * SECOND)
    uptime.look(seen(), NOW_NS + 20 * SECOND)
    uptime.cycle([], a_portfolio(markets=[seen()]), NOW_NS + 40 * SECOND)
    section, reasons = uptime.day(DAY, NOW_NS + 99 * SECOND).section()
    assert section["active_market_hours"] == pytest.approx(40 / 3600)
    assert (section["two_sided"], section["one_sided"]) == (0.25, 0.25)
    # 10 s of 100 + 50 shares of which 2 x 50 are paired, 10 s of 100 alone
    assert section["share_weighted"] == pytest.approx(1000 / 2500)
    # 48 + 24 USD of which 24 + 24 are paired, then 48 alone
    assert section["notional_weighted"] == pytest.approx(480 / 1200)
    assert reasons == {}


def test_uptime_is_cut_at_midnight():
    uptime = Uptime()
    midnight = (DAY + 1) * DAY_NS
    uptime.cycle(["0xm1"], a_portfolio(markets=[seen(BID, ASK)]), midnight - 30 * SECOND)
    uptime.cycle([], a_portfolio(), midnight + 10 * SECOND)
    assert uptime.day(DAY, midnight).two_sided_ns == 30 * SECOND
    assert uptime.day(DAY + 1, midnight + 10 * SECOND).two_sided_ns == 10 * SECOND
    uptime.keep([DAY + 1])
    assert list(uptime.days) == [DAY + 1]


def test_without_an_active_market_there_is_no_uptime_but_a_reason():
    section, reasons = Uptime().day(DAY, NOW_NS).section()
    assert section["two_sided"] is None
    assert reasons["two_sided"] == "no market was active"
    assert reasons["share_weighted"] == "nothing rested"


def test_an_order_that_takes_is_no_quote():
    import dataclasses

    taker = dataclasses.replace(ASK, component="arb")
    uptime = Uptime()
    uptime.cycle(["0xm1"], a_portfolio(markets=[seen(BID, taker)]), NOW_NS)
    day = uptime.day(DAY, NOW_NS + SECOND)
    assert (day.two_sided_ns, day.one_sided_ns) == (0, SECOND)
