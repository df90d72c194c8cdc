"""Golden G10 and G11, the identity M = E - A, and the expected rebate (G26)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe import Fill
from polyframe.model import FeeSchedule
from polyframe.testing.builders import NOW_NS, a_market, a_spec
from polyframe_markout.measures import Sample, adverse_e6, averages, effective_e6, markout_e6
from polyframe_markout.tracker import Tracker

# sign, price, shares, mid before, mid at 30 s (quant.md A3.2), in 1e-6
WORKED = [
    (1, 480_000, 100_000_000, 500_000, 495_000),
    (-1, 530_000, 50_000_000, 520_000, 535_000),
    (1, 310_000, 200_000_000, 320_000, 322_000),
    (-1, 700_000, 20_000_000, 690_000, 688_000),
]


def test_g10_markout_averages():
    mean = averages(Sample(markout_e6(s, p, later), n, p) for s, p, n, _, later in WORKED)
    assert mean.n == 4
    assert mean.equal_weighted_c == pytest.approx(0.85, abs=1e-12)
    assert mean.share_weighted_c == pytest.approx(1.0513514, abs=5e-8)
    assert mean.notional_weighted_bps == pytest.approx(258.4718, abs=5e-5)
    assert mean.total_usd == pytest.approx(3.89, abs=1e-12)


def test_g11_decomposition():
    effective = averages(
        Sample(effective_e6(s, p, before), n, p) for s, p, n, before, _ in WORKED
    ).share_weighted_c
    adverse = averages(
        Sample(adverse_e6(s, before, later), n, p) for s, p, n, before, later in WORKED
    ).share_weighted_c
    assert effective == pytest.approx(1.2702703, abs=5e-8)
    assert adverse == pytest.approx(0.2189189, abs=5e-8)
    assert effective - adverse == pytest.approx(1.0513514, abs=5e-8)


prices = st.integers(0, 1_000_000)


@given(st.sampled_from([1, -1]), prices, prices, prices)
def test_markout_is_effective_less_adverse_exactly(sign, price, before, later):
    effective, adverse = effective_e6(sign, price, before), adverse_e6(sign, before, later)
    assert markout_e6(sign, price, later) == effective - adverse


@given(st.lists(st.tuples(st.sampled_from([1, -1]), prices, st.integers(1, 10**9), prices, prices)))
def test_the_identity_holds_for_the_weighted_means_to_1e_12(fills):
    def mean(value):
        return averages(
            Sample(value(s, p, before, later), n, p) for s, p, n, before, later in fills
        ).share_weighted_c

    markout = mean(lambda s, p, before, later: markout_e6(s, p, later))
    if markout is None:
        assert not fills
        return
    effective = mean(lambda s, p, before, later: effective_e6(s, p, before))
    adverse = mean(lambda s, p, before, later: adverse_e6(s, before, later))
    assert markout == pytest.approx(effective - adverse, abs=1e-12)


@given(st.sampled_from([1, -1]), prices, prices)
def test_a_no_fill_against_the_no_mid_gives_the_same_number(sign, price, later):
    mirrored = markout_e6(-sign, 1_000_000 - price, 1_000_000 - later)
    assert markout_e6(sign, price, later) == mirrored


def test_no_fills_have_no_mean():
    assert averages([]).share_weighted_c is None
    assert averages([]).total_usd == 0


@pytest.mark.parametrize(
    ("price_e4", "fees", "cents"),
    [
        (5000, FeeSchedule(rate=0.04, rebate_share=0.25), 0.25),
        (2000, FeeSchedule(rate=0.04, rebate_share=0.25), 0.16),
        (500, FeeSchedule(rate=0.04, rebate_share=0.25), 0.0475),
        (5000, FeeSchedule(rate=0.072, rebate_share=0.20), 0.36),
        (5000, FeeSchedule(rate=0.03, rebate_share=0.25), 0.1875),
        (5000, FeeSchedule(), 0.0),
    ],
)
def test_g26_the_expected_rebate_is_that_of_the_markets_own_schedule(price_e4, fees, cents):
    fill = Fill(
        ts_ns=NOW_NS,
        trade_id="t",
        order_id="o",
        market_id="0xm1",
        token_id="yes",
        is_yes=True,
        is_buy=True,
        price_e4=price_e4,
        size_e6=1_000_000_000,
        fee_e12=0,
        is_maker=True,
        component="maker",
        decision_id=1,
        mid_before_e6=500_000,
    )
    followed = Tracker([30.0], 5.0).add(fill, a_market(spec=a_spec(fees=fees)), NOW_NS)
    assert followed.rebate_e12 / followed.size_e6 / 10_000 == pytest.approx(cents, abs=1e-12)
