"""Liveliness, states, clusters, prefilter, log lines."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe import money
from polyframe.model import MarketState
from polyframe.runtime.activity import Churn, MidRange
from polyframe.runtime.lines import at_text, line, visible
from polyframe.runtime.states import cluster_of, hours_to_close, state_of
from polyframe.runtime.universe import activity, prefilter
from polyframe.settings import PrefilterSettings, Settings, StateSettings, UniverseSettings
from runtime_driver import NOW, SECOND, SHARE, spec

HOUR = 3600 * SECOND


# --- liveliness ----------------------------------------------------------------------------


@given(st.lists(st.integers(0, 200_000), max_size=80).map(sorted), st.integers(0, 100_000))
def test_churn_is_the_count_of_the_last_sixty_seconds(times_ms, later_ms):
    churn = Churn()
    for at_ms in times_ms:
        churn.add(at_ms * 1_000_000)
    if not times_ms:
        assert churn.per_s(later_ms * 1_000_000) == 0.0
        return
    now_ms = times_ms[-1] + later_ms
    second = now_ms // 1000
    recent = sum(1 for at_ms in times_ms if at_ms // 1000 > second - 60)
    observed = min(60, second - times_ms[0] // 1000 + 1)
    assert churn.per_s(now_ms * 1_000_000) == pytest.approx(recent / observed)


def test_churn_ignores_a_clock_that_steps_back():
    churn = Churn()
    churn.add(10 * SECOND)
    churn.add(9 * SECOND)
    assert churn.per_s(10 * SECOND) == 2.0


@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 1_000_000)), max_size=60).map(sorted)
)
def test_the_jump_is_the_range_of_the_last_hours_minutes(points):
    mids = MidRange()
    for at_s, mid_e6 in points:
        mids.add(mid_e6, at_s * SECOND)
    now_s = points[-1][0] if points else 0
    recent = [mid for at_s, mid in points if at_s // 60 > now_s // 60 - 60]
    expected = (max(recent) - min(recent)) / 1e6 if recent else 0.0
    assert mids.range(now_s * SECOND) == pytest.approx(expected)


# --- states --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"end_ns": NOW + 73 * HOUR}, MarketState.NORMAL),
        ({"end_ns": NOW + 71 * HOUR}, MarketState.WATCH),
        ({"end_ns": NOW + 23 * HOUR}, MarketState.CLOSE_WINDOW),
        ({"end_ns": NOW}, MarketState.POST_CLOSE),
        ({"end_ns": None}, MarketState.WATCH),
        ({"closed": True}, MarketState.RESOLVED),
        ({"uma_statuses": ("proposed",)}, MarketState.PROPOSED),
        ({"uma_statuses": ("proposed", "disputed")}, MarketState.DISPUTED),
        ({"uma_statuses": ("proposed", "disputed", "proposed")}, MarketState.PROPOSED),
        ({"uma_statuses": ("resolved",)}, MarketState.RESOLVED),
        ({"uma_statuses": ("requested",)}, MarketState.NORMAL),
        ({"uma_statuses": ("what is this",)}, MarketState.UNKNOWN),
    ],
)
def test_states(changes, state):
    assert state_of(spec(**changes), NOW, StateSettings())[0] is state


def test_a_missing_end_date_says_so():
    assert state_of(spec(end_ns=None), NOW, StateSettings())[1] == "no end date"
    assert hours_to_close(spec(end_ns=None), NOW) is None


def test_clusters():
    assert cluster_of(spec(market_event_id="7", neg_risk=True)) == "neg-risk:7"
    assert cluster_of(spec(market_event_id="7")) == "event:7"
    lone = {"market_event_id": "", "category": "politics"}
    question = "Will Ada Lovelace win in May?"
    assert cluster_of(spec(**lone, question=question)) == "politics:ada lovelace"
    assert cluster_of(spec(**lone, question="how many?")) == "politics:m1"


# --- prefilter -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "time_left"), [(None, 0), (23, 0), (25, 0.8), (169, 0.5), (721, 0.3)]
)
def test_activity(hours, time_left):
    end_ns = None if hours is None else NOW + hours * HOUR
    busy = spec(end_ns=end_ns, volume_24h_usd=10_000_000.0, liquidity_usd=10_000.0)
    assert activity(busy, NOW) == pytest.approx(0.5 + 0.15 + 0.2 * time_left)


def test_the_funnel_counts_every_exclusion_once():
    rules = PrefilterSettings(enabled=True, keep_markets=2)
    settings = Settings(universe=UniverseSettings(prefilter=rules))
    universe = [
        spec("b", volume_24h_usd=10.0),
        spec("a", volume_24h_usd=10.0),
        spec("c", volume_24h_usd=9000.0),
        spec("d", accepting_orders=False),
        spec("e", end_ns=NOW + HOUR),
        spec("f", end_ns=NOW - HOUR),
        spec("g", neg_risk=True),
        spec("h", uma_statuses=("proposed",)),
    ]
    found = prefilter(universe, NOW, settings)
    assert [each.market_id for each in found.kept] == ["c", "a"]
    assert found.excluded == {
        "not_accepting": 1, "close_window": 2, "neg_risk": 1, "oracle": 1, "activity": 1,
    }  # fmt: skip
    assert len(found.kept) + sum(found.excluded.values()) == found.total == 8
    off = prefilter(universe, NOW, Settings())
    assert len(off.kept) == 7
    # What is held has to be marked and got out of, whatever the prefilter thinks of it.
    held = prefilter(universe, NOW, settings, {"b", "e", "d"})
    assert sorted(each.market_id for each in held.kept) == ["b", "e"]
    assert len(held.kept) + sum(held.excluded.values()) == held.total


# --- log lines -----------------------------------------------------------------------------


def test_hostile_text_cannot_forge_or_hide_a_line():
    hostile = "a\nFEED_HEALTH ok=1\x1b[2J\u202e\u200b"
    text = line("Name", {"title": hostile, "n": 3, "empty": "", "quote": 'say "x"'})
    assert "\n" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.startswith('Name title="a\\\\u000aFEED_HEALTH ok=1')
    assert text.endswith('n=3 empty="" quote="say \\"x\\""')


def test_a_very_long_value_is_cut():
    assert len(line("Name", {"v": "x" * 10_000})) < 500


def test_a_line_begins_with_its_time_cut_to_the_millisecond():
    assert at_text(1_796_026_946_123_999_999) == "2026-11-30T08:22:26.123Z"
    assert at_text(0) == "1970-01-01T00:00:00.000Z"


@given(st.text())
def test_visible_text_is_printable_and_plain_text_unchanged(text):
    shown = visible(text)
    hidden = {"Cc", "Cf", "Zl", "Zp", "Cs"}
    assert not any(unicodedata.category(char) in hidden for char in shown)
    if text.isascii() and text.isprintable():
        assert shown == text


# --- money ---------------------------------------------------------------------------------


def test_parsing_is_exact_and_refuses_the_rest():
    assert money.parse_price_e4("0.0001") == 1
    assert money.parse_price_e4(".5") == 5000
    assert money.parse_price_e4("1.000000") == 10_000
    assert money.parse_size_e6("219.217767") == 219_217_767
    for text in ("", ".", "-1", "1e3", "NaN", "0.00001", "1.1", "٣", "1_0", " 1", "9" * 30):
        with pytest.raises(ValueError, match=r"number|outside"):
            money.parse_price_e4(text)


@pytest.mark.parametrize(
    ("category", "rate", "expected"), [("politics", 0.04, 1.0), ("crypto", 0.07, 1.75)]
)
def test_taker_fee_golden(category, rate, expected):
    # venue.md 5.1: 100 shares at 0.50
    assert money.usd(money.taker_fee_e12(5000, 100 * SHARE, rate, 1)) == expected


def test_taker_fee_at_the_edge_of_the_curve():
    assert money.usd(money.taker_fee_e12(1000, 100 * SHARE, 0.04, 1)) == 0.36
    assert money.taker_fee_e12(1, 1, 0.04, 1) == 0


@pytest.mark.parametrize(
    ("price_e4", "rate", "share", "cents"),
    [(5000, 0.04, 0.25, 0.25), (2000, 0.04, 0.25, 0.16), (500, 0.04, 0.25, 0.0475),
     (5000, 0.072, 0.20, 0.36), (5000, 0.03, 0.25, 0.1875)],
)  # fmt: skip
def test_rebate_golden_g26(price_e4, rate, share, cents):
    per_100 = money.usd(money.maker_rebate_e12(price_e4, 100 * SHARE, rate, 1, share))
    assert per_100 == pytest.approx(cents)


@given(st.floats(0.0, 1.0), st.sampled_from([1, 10, 25, 50, 100, 1000]))
def test_rounding_goes_away_from_crossing_and_stays_on_the_grid(price, tick_e4):
    bid, ask = money.floor_to_tick(price, tick_e4), money.ceil_to_tick(price, tick_e4)
    for price_e4 in (bid, ask):
        assert price_e4 % tick_e4 == 0
        assert tick_e4 <= price_e4 <= 10_000 - tick_e4
    if tick_e4 / 1e4 <= price <= 1 - tick_e4 / 1e4:
        assert bid <= price * 10_000 + 1e-5
        assert ask >= price * 10_000 - 1e-5
        assert ask - bid in (0, tick_e4)


def test_grid_prices_survive_float_error():
    for cents in range(1, 100):
        assert money.floor_to_tick(cents / 100, 100) == cents * 100
        assert money.ceil_to_tick(cents / 100, 100) == cents * 100


def test_sizes_are_floored_to_a_hundredth():
    assert money.shares_e6(50, 4800) == 104_160_000
    assert money.shares_e6(50, 0) == money.shares_e6(-1, 5000) == 0
    assert money.shares_e6(float("nan"), 5000) == 0
    assert money.floor_size_e6(10_019_999) == 10_010_000


def test_texts():
    assert money.price_text(5250) == "0.525"
    assert money.price_text(5000) == "0.50"
    assert money.size_text(100 * SHARE) == "100"
    assert money.size_text(219_217_767) == "219.217767"
    assert money.usd_e12("0.1") == 10**11
