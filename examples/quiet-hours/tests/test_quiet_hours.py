import re
from datetime import datetime
from typing import Any

import msgspec
import pytest
from polyframe import MarketView, Quote, QuoteLeg, ReportPeriod, Veto
from polyframe.testing.builders import NOW_NS, a_context, a_market, a_plugin, a_spec

from quiet_hours import QuietHours

S_NS = 1_000_000_000
DAY_NS = 86_400 * S_NS
MIDNIGHT_NS = NOW_NS // DAY_NS * DAY_NS
FED = {"at": "2026-12-09T19:00:00Z", "words": ["fed", "interest rates"]}
FED_NS = int(datetime.fromisoformat("2026-12-09T19:00:00Z").timestamp()) * S_NS
QUOTE = Quote("0xm1", 0.5, QuoteLeg(4800, 100_000_000), QuoteLeg(5200, 8_000_000), "maker")


def asking(question: str, **changes: Any) -> MarketView:
    return a_market(spec=a_spec(question=question, **changes))


def refused(plugin: QuietHours, market: MarketView, now_ns: int) -> list[tuple[str, float | None]]:
    vetoes = plugin.pre_quote_veto(QUOTE, market, now_ns) or ()
    return [(veto.code, veto.observed) for veto in vetoes]


@pytest.mark.parametrize(
    ("seconds", "left_s"), [(-301, None), (-300, 1200.0), (0, 900.0), (899, 1.0), (900, None)]
)
def test_quiet_from_before_an_announcement_until_after_it(
    seconds: int, left_s: float | None
) -> None:
    plugin = a_plugin(QuietHours, announcements=[FED])
    found = refused(plugin, asking("Will the Fed cut rates?"), FED_NS + seconds * S_NS)
    assert found == ([] if left_s is None else [("quiet_hours.announcement", left_s)])


@pytest.mark.parametrize(
    ("question", "changes", "is_concerned"),
    [
        ("Will the FED cut?", {}, True),
        ("Will the federal budget pass?", {}, False),
        ("Who wins?", {"tags": ("Interest Rates",)}, True),
        ("Who wins?", {"market_event_title": "Fed decision in December"}, True),
        ("Who wins?", {"rules": "As published by the Fed."}, False),
    ],
)
def test_words_are_whole_ones_and_the_rules_are_not_read(
    question: str, changes: dict[str, Any], is_concerned: bool
) -> None:
    plugin = a_plugin(QuietHours, announcements=[FED])
    assert bool(refused(plugin, asking(question, **changes), FED_NS)) == is_concerned


def test_an_announcement_without_words_concerns_every_market() -> None:
    plugin = a_plugin(QuietHours, announcements=[{"at": FED["at"]}])
    assert refused(plugin, asking("Anything?"), FED_NS)


def test_a_market_that_is_renamed_is_looked_at_again() -> None:
    plugin = a_plugin(QuietHours, announcements=[FED])
    assert not refused(plugin, asking("Who?"), FED_NS)
    assert refused(plugin, asking("Who leads the Fed?"), FED_NS)


@pytest.mark.parametrize(
    ("hours", "is_quiet"), [(23.8, False), (23.9, True), (0.05, True), (0.2, False), (12.0, False)]
)
def test_daily_hours_go_over_midnight(hours: float, is_quiet: bool) -> None:
    plugin = a_plugin(QuietHours, daily=["23:50-00:10"])
    assert bool(refused(plugin, a_market(), MIDNIGHT_NS + int(hours * 3600) * S_NS)) == is_quiet


def test_a_game_is_not_quoted_from_before_it_starts() -> None:
    game = asking("Home or away?", game_start_ns=NOW_NS)
    plugin = a_plugin(QuietHours)
    assert not refused(plugin, game, NOW_NS - 301 * S_NS)
    assert refused(plugin, game, NOW_NS - 300 * S_NS) == [("quiet_hours.game", None)]
    assert refused(plugin, game, NOW_NS + DAY_NS)
    assert not refused(a_plugin(QuietHours, games=False), game, NOW_NS)


def test_every_reason_is_told_once() -> None:
    plugin = a_plugin(QuietHours, announcements=[FED, FED], daily=["18:00-20:00"])
    codes = [code for code, _ in refused(plugin, asking("The Fed?"), FED_NS)]
    assert sorted(codes) == ["quiet_hours.announcement", "quiet_hours.daily"]


def test_trades_are_left_alone() -> None:
    plugin = a_plugin(QuietHours, announcements=[{"at": FED["at"]}])
    assert plugin.pre_quote_veto(Quote("0xm1", component="taker"), a_market(), FED_NS) is None


def test_quotes_shrink_on_the_way_and_what_is_too_small_goes() -> None:
    plugin = a_plugin(QuietHours, announcements=[FED], wary_s=600.0)
    market = asking("The Fed?")
    quiet_ns = FED_NS - 300 * S_NS
    assert plugin.shape_quote(QUOTE, market, quiet_ns - 601 * S_NS) is None
    shaped = plugin.shape_quote(QUOTE, market, quiet_ns - 60 * S_NS)
    assert shaped is not None
    assert shaped.bid == QuoteLeg(4800, 50_000_000)
    assert shaped.ask is None  # 4 shares, of 5 that the venue wants
    assert shaped.inputs == (("quiet_in_s", 60.0),)
    # Within the quiet time the veto speaks, and nothing is left to shape.
    assert plugin.shape_quote(QUOTE, market, FED_NS) is None


def test_the_report_counts_the_day_and_survives_a_restart() -> None:
    store: dict[str, Any] = {}
    plugin = a_plugin(QuietHours, a_context(store=store), announcements=[FED])
    market = asking("The Fed?")
    for seconds in (-86_400, -600, 0, 60):
        plugin.shape_quote(QUOTE, market, FED_NS + seconds * S_NS)
        plugin.pre_quote_veto(QUOTE, market, FED_NS + seconds * S_NS)
    plugin.pre_quote_veto(QUOTE, asking("Else?", market_event_title="", tags=()), FED_NS)
    start_ns = FED_NS // DAY_NS * DAY_NS
    period = ReportPeriod(day="2026-12-09", start_ns=start_ns, end_ns=start_ns + DAY_NS, facts={})
    section = plugin.report_section(period)
    assert section == {
        "refused": {"announcement": 2, "daily": 0, "game": 0},
        "shrunk": 1,
        "announcements": [{**FED, "markets": 0}],
    }
    again = a_plugin(QuietHours, a_context(store=store), announcements=[FED])
    assert again.report_section(period)["refused"] == section["refused"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"announcements": [{"at": "tomorrow"}]}, "at is 'tomorrow'"),
        ({"announcements": [{"at": "2026-12-09T19:00:00"}]}, "of no time zone"),
        ({"announcements": [{"at": FED["at"], "words": [" "]}]}, "an empty one"),
        ({"daily": ["1:00-2:00"]}, "daily holds '1:00-2:00'"),
        ({"daily": ["24:00-25:00"]}, "write 13:25-13:45"),
        ({"daily": ["01:00-01:00"]}, "ends where it begins"),
        ({"wary_size_factor": 2.0}, "<= 1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(words)):
        a_plugin(QuietHours, **settings)


def test_every_veto_is_declared() -> None:
    plugin = a_plugin(
        QuietHours, announcements=[{"at": "2026-05-28T20:26:40Z"}], daily=["00:00-23:59"]
    )
    vetoes = plugin.pre_quote_veto(QUOTE, asking("?", game_start_ns=NOW_NS), NOW_NS)
    assert vetoes is not None
    assert all(type(veto) is Veto for veto in vetoes)
    assert sorted(veto.code for veto in vetoes) == sorted(QuietHours.codes)


def test_it_tells_how_long_it_is_to_the_next_quiet_time() -> None:
    plugin = a_plugin(QuietHours, announcements=[FED])
    market = asking("Will the Fed cut rates?")
    for seconds, quiet_in_s in ((-900, 600.0), (-300, 0.0), (10, 0.0)):
        [reading] = plugin.explain_quote(market, FED_NS + seconds * S_NS) or ()
        assert (reading.name, reading.value) == ("quiet_in_s", quiet_in_s)
    assert plugin.explain_quote(asking("Will it rain?"), FED_NS) is None
