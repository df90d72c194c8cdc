"""Measuring a market channel: golden numbers from hand-made frames, and the table's verdicts."""

import json
import math

import pytest
from click.testing import CliRunner

from polyframe.cli import main
from polyframe.exchange.calibration.comparison import compare, figures, table
from polyframe.exchange.calibration.maker_earnings import Earnings, QueuedMaker
from polyframe.exchange.calibration.observer import Observer, Watched, watched_markets
from polyframe.exchange.calibration.samples import Samples
from polyframe.exchange.recording import gamma_path

S_NS = 10**9
START_NS = 1_800_000_000 * S_NS
WATCHED = Watched("0xm", ("yes", "no"), 100)


def book(token: str, bids: dict[str, str], asks: dict[str, str]) -> bytes:
    return json.dumps(
        {
            "event_type": "book", "market": "0xm", "asset_id": token,
            "bids": [{"price": price, "size": size} for price, size in bids.items()],
            "asks": [{"price": price, "size": size} for price, size in asks.items()],
        }
    ).encode()  # fmt: skip


def change(*entries: tuple[str, str, str, str]) -> bytes:
    names = ("asset_id", "price", "size", "side")
    changes = [dict(zip(names, entry, strict=True)) for entry in entries]
    return json.dumps(
        {"event_type": "price_change", "market": "0xm", "price_changes": changes}
    ).encode()


def trade(token: str, price: str, size: str, side: str) -> bytes:
    return json.dumps(
        {
            "event_type": "last_trade_price", "market": "0xm", "asset_id": token,
            "price": price, "size": size, "side": side,
        }
    ).encode()  # fmt: skip


YES = book("yes", {"0.48": "100", "0.40": "300"}, {"0.52": "50", "0.55": "150", "0.70": "800"})
NO = book("no", {"0.48": "50", "0.45": "150", "0.30": "700"}, {"0.52": "100", "0.60": "300"})


def observer() -> Observer:
    seen = Observer([WATCHED])
    seen.start_with(YES)
    seen.start_with(NO)
    return seen


def at(seen: Observer, second: float, payload: bytes) -> None:
    seen.observe(START_NS + int(second * S_NS), payload)


def test_a_look_sees_spread_depth_levels_and_the_mirror() -> None:
    seen = observer()
    at(seen, 0, change(("yes", "0.10", "5", "BUY")))
    at(seen, 10, change(("yes", "0.10", "0", "BUY")))
    assert seen.spreads.values == [4.0]  # 0.48 to 0.52 on a cent's grid
    assert seen.touch_sizes.values == [100.0, 50.0]
    assert seen.near_sizes.values == [100.0, 200.0]  # 0.40 is eight cents away
    assert seen.touch_shares.values == pytest.approx([100 / 405, 50 / 1000])
    assert seen.level_counts.values == [6.0]
    # 0.10 was told for YES only, and NO bids 700 at 0.30 where YES asks 800 at 0.70.
    assert (seen.mirrored, seen.levels) == (4, 6)
    assert seen.entries.values == [1, 1]
    assert seen.kinds == {"price_change": 2, "book": 0, "last_trade_price": 0}


def test_a_silent_market_is_not_looked_at_and_its_silence_is_no_wait() -> None:
    seen = observer()
    at(seen, 0, change(("yes", "0.10", "5", "BUY")))
    at(seen, 2.5, change(("yes", "0.10", "6", "BUY")))
    at(seen, 3_600, change(("yes", "0.10", "7", "BUY")))
    assert seen.waits_s.values == [2.5]
    assert len(seen.spreads.values) == 6  # ten-second looks until a minute after the last word
    assert seen.live_minutes == 2


def test_the_maker_of_a_trade_is_followed_on_either_token() -> None:
    seen = observer()
    at(seen, 0, change(("yes", "0.47", "5", "BUY")))
    at(seen, 1, trade("yes", "0.52", "30", "BUY"))  # the maker sold YES at 52, mid 50
    at(seen, 1, trade("yes", "0.55", "10", "BUY"))  # same order, second level: not at the touch
    at(seen, 2, trade("no", "0.52", "7", "BUY"))  # NO bought at 52: the maker bought YES at 48
    at(seen, 20, change(("yes", "0.52", "0", "SELL"), ("no", "0.48", "0", "BUY")))  # mid 51.5
    at(seen, 200, change(("yes", "0.47", "0", "BUY")))
    assert seen.trade_sizes.values == [30.0, 10.0, 7.0]
    assert seen.touch_maker.at_once.values == pytest.approx([2.0, 2.0])
    assert seen.touch_maker.later[30].values == pytest.approx([0.5, 3.5])
    assert seen.touch_maker.later[120].values == pytest.approx([0.5, 3.5])
    named = {one.name: one for one in figures(seen)}
    assert named["touch maker after 30 s"].value == pytest.approx(2.0)
    assert named["touch maker after 30 s"].error == pytest.approx(1.5)
    assert named["trades"].value == pytest.approx(3 * 60 / 2)  # two minutes said something


def test_an_order_at_the_end_of_the_queue_waits_for_what_lies_before_it() -> None:
    bids, asks = {4800: 100.0, 4700: 50.0}, {5200: 40.0}

    def queued() -> QueuedMaker:
        maker = QueuedMaker()
        maker.follow((4800, 5200), bids, asks, START_NS)
        return maker

    maker = queued()
    assert maker.traded(is_bid=True, price_e4=4800, shares=100.0) is None
    assert maker.traded(is_bid=False, price_e4=5100, shares=500.0) is None, "above the offer only"
    assert maker.traded(is_bid=True, price_e4=4800, shares=0.5) == 4800
    assert maker.traded(is_bid=True, price_e4=4800, shares=500.0) is None, "it is gone"
    assert queued().traded(is_bid=True, price_e4=4700, shares=0.1) == 4800, "traded through"
    maker = queued()
    assert maker.changed({4800: 30.0}, asks) == []
    assert maker.traded(is_bid=True, price_e4=4800, shares=31.0) == 4800, "others left"
    assert queued().changed(bids, {4800: 10.0}) == [(True, 4800)]
    assert queued().changed({5300: 10.0}, {5400: 10.0}) == [(False, 5200)]
    maker = queued()
    maker.follow((4900, 5200), {4900: 5.0}, asks, START_NS + S_NS)  # too soon to follow
    assert maker.traded(is_bid=True, price_e4=4850, shares=9.0) is None
    maker.follow((4900, 5200), {4900: 5.0}, asks, START_NS + 2 * S_NS)
    assert maker.traded(is_bid=True, price_e4=4850, shares=9.0) == 4900


def test_the_queued_maker_is_measured_beside_the_other() -> None:
    seen = observer()
    at(seen, 0, change(("yes", "0.10", "5", "BUY")))
    at(seen, 1, trade("yes", "0.48", "100", "SELL"))
    at(seen, 2, trade("yes", "0.48", "1", "SELL"))
    at(seen, 40, change(("yes", "0.10", "0", "BUY")))
    assert seen.touch_maker.at_once.values == pytest.approx([2.0, 2.0])
    assert seen.queued_maker.at_once.values == pytest.approx([2.0])
    assert seen.queued_maker.later[30].values == pytest.approx([2.0])
    named = {one.name: one.value for one in figures(seen)}
    assert named["queued maker at once"] == pytest.approx(2.0)


def test_earnings_without_a_mid_are_dropped() -> None:
    earned = Earnings()
    earned.filled("m", START_NS, is_bid=True, price_c=48.0, mid_c=50.0)
    earned.settle("m", START_NS + 30 * S_NS, None)
    earned.settle("m", START_NS + 120 * S_NS, 47.0)
    assert earned.at_once.values == [2.0]
    assert (earned.later[30].values, earned.later[120].values) == ([], [-1.0])


def test_minute_moves_join_neighbouring_minutes_only() -> None:
    seen = observer()
    at(seen, 0, change(("yes", "0.10", "5", "BUY")))
    at(seen, 30, change(("yes", "0.50", "5", "BUY")))  # mid 51
    at(seen, 61, change(("yes", "0.50", "0", "BUY")))  # mid 50 again
    at(seen, 122, change(("yes", "0.10", "6", "BUY")))
    at(seen, 500, change(("yes", "0.10", "7", "BUY")))
    assert seen.minute_moves.values == pytest.approx([1.0, -1.0])
    named = {one.name: one.value for one in figures(seen)}
    assert named["mid moves"] == pytest.approx(1.0)


def test_a_refined_tick_counts_the_spread_in_its_own_ticks() -> None:
    seen = observer()
    refined = {"event_type": "tick_size_change", "asset_id": "yes", "new_tick_size": "0.001"}
    at(seen, 0, change(("yes", "0.10", "5", "BUY")))
    at(seen, 1, json.dumps(refined).encode())
    at(seen, 11, change(("yes", "0.10", "6", "BUY")))
    assert seen.spreads.values == [40.0]
    assert sum(seen.kinds.values()) == 2


def test_what_is_not_watched_or_not_counted_is_ignored() -> None:
    seen = observer()
    at(seen, 0, book("stranger", {"0.1": "1"}, {}))
    at(seen, 1, json.dumps({"event_type": "best_bid_ask", "asset_id": "yes"}).encode())
    assert not any(seen.kinds.values())
    gamma = [{"conditionId": "0xa", "orderPriceMinTickSize": 0.001}, {"conditionId": "0xb"}]
    assert watched_markets(gamma, {"0xa": ["1", "2"], "0xb": ["3"]}) == [
        Watched("0xa", ("1", "2"), 10)
    ]


def test_samples_have_quantiles_between_neighbours() -> None:
    samples = Samples()
    assert math.isnan(samples.quantile(0.5))
    assert math.isnan(samples.mean())
    samples.values = [4.0, 1.0, 2.0, 3.0]
    assert samples.quantile(0.5) == 2.5
    assert samples.quantile(0.1) == pytest.approx(1.3)
    assert samples.deviation() == pytest.approx(1.2909944)
    assert samples.standard_error() == pytest.approx(0.6454972)


def test_the_verdicts() -> None:
    recorded, simulated = observer(), observer()
    for seen, waits, sizes, markouts in (
        (recorded, [1.0], [10.0], [1.0, 1.1]),
        (simulated, [2.0], [14.0], [0.2, 0.3]),
    ):
        seen.waits_s.values = waits
        seen.trade_sizes.values = sizes
        seen.touch_maker.later[30].values = markouts
    rows = {row.name: row for row in compare(recorded, simulated)}
    wait = rows["wait between messages, p50"]
    assert (wait.ratio, wait.fits, wait.verdict) == (2.0, False, "x2.0 too high")
    size = rows["trade size, p50"]
    assert (size.ratio, size.fits, size.verdict) == (1.4, True, "fits")
    earned = rows["touch maker after 30 s"]
    assert earned.ratio is None
    assert not earned.fits
    assert earned.verdict == "0.80 c too low (+-0.30 c)"
    assert rows["touch maker after 120 s"].verdict == "not measured"
    lines = table(list(rows.values()))
    assert len(lines) == len(rows) + 1
    assert lines[0].split() == ["unit", "recorded", "simulated", "ratio", "verdict"]


def test_the_verb_measures_both_sides_of_a_real_evening(recording_path) -> None:
    """A sanity check of the fit itself: the figures that matter most stay close."""
    asked = ["calibrate", str(recording_path), "--minutes", "20", "--markets", "16", "--json"]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in json.loads(result.output)}
    for name in ("share of price_change", "levels in the book, p50", "levels that mirror"):
        assert rows[name]["fits"], rows[name]
    assert 0.4 < rows["messages"]["ratio"] < 2.5
    assert 0.3 < rows["trades"]["ratio"] < 3.0
    assert -1.5 < rows["touch maker after 30 s"]["simulated"] < 1.5


def test_a_recording_that_is_not_there_is_one_line(tmp_path) -> None:
    result = CliRunner().invoke(main, ["calibrate", str(tmp_path / "no.frames.jsonl.zst")])
    assert result.exit_code != 0
    assert "no such recording" in result.output


def test_what_cannot_be_compared_is_one_line(recording_path, tmp_path) -> None:
    for value in ("nan", "inf", "0"):
        asked = ["calibrate", str(recording_path), "--minutes", value]
        refused = CliRunner().invoke(main, asked)
        assert (refused.exit_code, refused.stdout) == (2, "")
    recording = tmp_path / recording_path.name
    recording.write_bytes(recording_path.read_bytes())
    gamma_path(recording).write_text("[]")
    refused = CliRunner().invoke(main, ["calibrate", str(recording)])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "no market of its Gamma file is live in it" in refused.stderr
