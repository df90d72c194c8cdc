"""The plain rule: vetoes, mild shaping, recovery."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe import Fill, Quote, QuoteLeg, ReportPeriod
from polyframe.testing.builders import NOW_NS, a_book, a_market, a_plugin, a_spec
from polyframe_markout import Markout, Settings
from polyframe_markout.shaping import widened

S = 1_000_000_000
MID = a_market(book=a_book(4900, 5100))


def losing(plugin, cents, count, *, market_id="0xm1", cluster_id=None, first_s=0.0):
    """``count`` buys that are worth ``cents`` less at the gating horizon."""
    for number in range(count):
        plugin.on_fill(
            Fill(
                ts_ns=NOW_NS + round((first_s + number / 1000) * S),
                trade_id=f"{market_id}-{first_s}-{number}",
                order_id="o",
                market_id=market_id,
                token_id="yes",
                is_yes=True,
                is_buy=True,
                price_e4=5000 + round(cents * 100),
                size_e6=10_000_000,
                fee_e12=0,
                is_maker=True,
                component="maker",
                decision_id=1,
                mid_before_e6=500_000,
            ),
            a_market(spec=a_spec(market_id), cluster_id=cluster_id),
            NOW_NS + round((first_s + number / 1000) * S),
        )
    now_ns = NOW_NS + round((first_s + 122) * S)
    plugin.on_book(a_market(spec=a_spec(market_id), cluster_id=cluster_id), now_ns)
    return now_ns


def codes(plugin, market, now_ns):
    return [
        veto.code for veto in plugin.pre_quote_veto(Quote(market.market_id), market, now_ns) or ()
    ]


@pytest.mark.parametrize(
    ("cents", "count", "expected"),
    [
        (0.21, 20, ["markout.toxic"]),
        (0.21, 19, []),
        (0.20, 20, []),
        (0.15, 29, []),
        (0.16, 30, ["markout.toxic_cluster"]),
        (0.30, 30, ["markout.toxic", "markout.toxic_cluster"]),
    ],
)
def test_the_limits_of_the_rolling_mean(cents, count, expected):
    plugin = a_plugin(Markout, rule="mean")
    now_ns = losing(plugin, cents, count)
    assert codes(plugin, MID, now_ns) == expected
    assert set(expected) <= set(Markout.codes)


def test_a_veto_carries_observed_and_limit():
    plugin = a_plugin(Markout, rule="mean")
    now_ns = losing(plugin, 0.25, 20)
    (veto,) = plugin.pre_quote_veto(Quote("0xm1"), MID, now_ns)
    assert (veto.observed, veto.limit, veto.side) == (-0.25, -0.2, None)


def test_a_cluster_is_judged_over_its_markets():
    plugin = a_plugin(Markout, rule="mean")
    for market_id in ("0xa", "0xb"):
        now_ns = losing(plugin, 0.18, 15, market_id=market_id, cluster_id="same")
    sibling = a_market(spec=a_spec("0xc"), cluster_id="same")
    stranger = a_market(spec=a_spec("0xd"), cluster_id="other")
    assert codes(plugin, sibling, now_ns) == ["markout.toxic_cluster"]
    assert codes(plugin, stranger, now_ns) == []


def test_only_the_latest_fills_count():
    plugin = a_plugin(Markout, rule="mean")
    losing(plugin, 0.5, 50)
    now_ns = losing(plugin, -0.5, 100, first_s=200)
    assert codes(plugin, MID, now_ns) == []


def test_a_vetoed_market_is_tried_again_when_its_fills_are_old():
    plugin = a_plugin(Markout, rule="mean")
    now_ns = losing(plugin, 0.5, 20)
    day_ns = 24 * 3600 * S
    assert codes(plugin, MID, now_ns + day_ns - 600 * S) == ["markout.toxic"]
    assert codes(plugin, MID, now_ns + day_ns) == []


def test_a_mild_market_is_quoted_wider_and_smaller():
    plugin = a_plugin(Markout, rule="mean")
    now_ns = losing(plugin, 0.11, 20)
    assert codes(plugin, MID, now_ns) == []
    quote = Quote("0xm1", 0.5, QuoteLeg(4800, 100_000_000), QuoteLeg(5200, 100_000_000), "classic")
    shaped = plugin.shape_quote(quote, MID, now_ns)
    assert (shaped.bid, shaped.ask) == (QuoteLeg(4700, 50_000_000), QuoteLeg(5300, 50_000_000))
    assert (shaped.fair, shaped.policy) == (0.5, "classic")


def test_a_healthy_market_is_left_alone():
    plugin = a_plugin(Markout, rule="mean")
    now_ns = losing(plugin, -0.5, 40)
    quote = Quote("0xm1", 0.5, QuoteLeg(4800, 100_000_000), None)
    assert plugin.shape_quote(quote, MID, now_ns) is None
    assert plugin.pre_quote_veto(Quote("0xm1"), MID, now_ns) is None


def test_a_leg_below_the_minimum_size_is_dropped():
    quote = Quote("0xm1", 0.5, QuoteLeg(4800, 9_990_000), QuoteLeg(5200, 10_000_000))
    shaped = widened(quote, MID, 1.5, 0.5)
    assert (shaped.bid, shaped.ask) == (None, QuoteLeg(5300, 5_000_000))


@given(
    st.sampled_from([1, 10, 100]),
    st.integers(1, 98),
    st.integers(1, 98),
    st.one_of(st.none(), st.floats(0.0, 1.0)),
)
def test_shaping_only_ever_widens_and_shrinks_on_the_grid(tick_e4, one, other, fair):
    low, high = sorted((one, other + 1)) if one != other + 1 else (one, one + 1)
    market = a_market(tick_e4=tick_e4, book=a_book(low * 100, high * 100))
    quote = Quote("0xm1", fair, QuoteLeg(low * 100, 50_000_000), QuoteLeg(high * 100, 50_000_000))
    shaped = widened(quote, market, 1.5, 0.5)
    assert tick_e4 <= shaped.bid.price_e4 <= low * 100
    assert high * 100 <= shaped.ask.price_e4 <= 10_000 - tick_e4
    assert shaped.bid.price_e4 % tick_e4 == shaped.ask.price_e4 % tick_e4 == 0
    assert shaped.bid.size_e6 == shaped.ask.size_e6 == 25_000_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizons_s": ()},
        {"horizons_s": (30.0, 10.0), "gating_horizon_s": 30.0},
        {"gating_horizon_s": 31.0},
        {"mild_c": -0.3},
        {"breaker_horizon_s": 31.0},
        {"release_probability": 0.95},
        {"early_clusters": 21},
        {"keep_h": 24.0, "window_h": 25.0},
        {"keep_h": 191.0},
    ],
)
def test_settings_that_contradict_themselves_are_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        Settings(**wrong)


def test_toxic_and_mild_markets_are_listed():
    plugin = a_plugin(Markout, rule="mean")
    losing(plugin, 0.3, 20, market_id="0xbad")
    now_ns = losing(plugin, 0.15, 20, market_id="0xmild")
    period = ReportPeriod(day="d", start_ns=NOW_NS, end_ns=now_ns, facts={})
    section = plugin.report_section(period)
    assert section["rule"] == "mean"
    assert (section["toxic"], section["mild"], section["probing"]) == (["0xbad"], ["0xmild"], [])
    bad = section["markets"]["0xbad"]
    assert (bad["decision"], bad["rolling_fills"], bad["rolling_mean_c"]) == ("toxic", 20, -0.3)


@pytest.mark.parametrize("one_sided", [False, True])
def test_without_a_fair_value_the_mid_is_the_centre_then_the_middle_of_the_legs(one_sided):
    market = a_market(book=a_book(4900, None)) if one_sided else MID
    quote = Quote("0xm1", None, QuoteLeg(4800, 50_000_000), QuoteLeg(5200, 50_000_000))
    shaped = widened(quote, market, 1.5, 0.5)
    assert (shaped.bid.price_e4, shaped.ask.price_e4) == (4700, 5300)


def test_a_single_leg_without_any_centre_keeps_its_price():
    quote = Quote("0xm1", None, QuoteLeg(4800, 50_000_000), None)
    shaped = widened(quote, a_market(book=a_book(4900, None)), 1.5, 0.5)
    assert (shaped.bid, shaped.ask) == (QuoteLeg(4800, 25_000_000), None)
