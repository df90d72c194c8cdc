"""Days of a run: each adds up by itself, all of them to the run, in a file of the schema."""

import io
import json
import re
from itertools import islice
from pathlib import Path

import jsonschema
import msgspec
import pytest
import zstandard
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe.cli import main
from polyframe.model import FeeSchedule, Fill, ReportPeriod
from polyframe.runtime.day import DayRecord, day_text, difference
from polyframe.runtime.facts import counters, run_facts
from polyframe.runtime.portfolio import Portfolio
from polyframe.runtime.profile_evidence import Markout, cluster_means_c, realised
from polyframe.runtime.report_writer import file_schema, find_report, read_report, write_report
from polyframe_truth_report import SCHEMA, TruthReport
from runtime_driver import DAY, NOW, SECOND, SETTINGS, Driver, TwoCents, spec

SHARE, USD = 1_000_000, 10**12
# The driver's start is 15:06:40 before this midnight.
MIDNIGHT = (NOW // DAY + 1) * DAY
BEFORE = (MIDNIGHT - NOW) / SECOND
PARTS = ("spread", "adverse", "inventory", "fees", "rebates", "rewards", "resolution", "other")


def a_run(**settings_):
    driver = Driver(msgspec.structs.replace(SETTINGS, **settings_), classes=(TwoCents, TruthReport))
    engine, paper = driver.engine, driver.machine.paper
    driver.record = DayRecord(engine, paper, (), NOW)
    return driver


def facts_of(driver, number=None):
    now_ns = driver.engine.moment.now_ns
    run = {"id": "r1", "mode": "paper", "source": "test", "profile": "paper"}
    facts = run_facts(driver.engine, driver.machine.paper, run, ())
    facts["day"] = driver.record.facts(now_ns // DAY if number is None else number, now_ns)
    return facts


def report_of(driver, number=None):
    facts = facts_of(driver, number)
    day = facts["day"]
    period = ReportPeriod(
        day=day["day"], start_ns=day["start_ns"], end_ns=day["end_ns"], facts=facts
    )
    sections = driver.machine.dispatcher.report_section(period)
    return {"report": sections.pop("truthreport"), "sections": sections}


def over_midnight():
    """Two days: a fill on each side of midnight, the first one's horizon in the second day.

    Yields the driver as each day ends.
    """
    driver = a_run()
    maker = FeeSchedule(rate=0.07, exponent=1.0, taker_only=True, rebate_share=0.5)
    driver.start(spec(fees=maker), seconds=BEFORE - 600)
    driver.book(BEFORE - 595, 49, 51)
    for second in range(-590, -30, 5):
        driver.book(BEFORE + second, 49, 51)
        driver.record.look([(0, True)])
    driver.trade(BEFORE - 30, 47, 1000)
    driver.book(BEFORE - 20, 47, 49)
    driver.at(BEFORE - 1)
    driver.book(BEFORE + 1, 48, 50)
    yield driver
    driver.record.start_day()
    for second in range(2, 200, 3):
        driver.at(BEFORE + second)
        driver.record.look([(0, second % 2 == 0)])
    driver.book(BEFORE + 200, 45, 47)
    yield driver


def test_the_driver_starts_in_the_afternoon():
    assert 0 < BEFORE < 86_400


def test_a_run_over_midnight_has_two_days_that_add_up_each_and_together():
    run = over_midnight()
    driver = next(run)
    assert driver.fills, "the first day trades"
    today = NOW // DAY
    first = facts_of(driver, today)["day"]
    next(run)
    second = facts_of(driver)["day"]
    assert (first["day"], second["day"]) == (day_text(today), day_text(today + 1))
    assert first["end_equity_usd"] == second["start_equity_usd"]
    assert first["end_ns"] == second["start_ns"] == MIDNIGHT
    whole = facts_of(driver)["attribution"]["total"]
    for day in (first, second):
        total = day["attribution"]["total"]
        assert abs(total["error"]) <= 1e-6
        change = day["end_equity_usd"] - day["start_equity_usd"]
        assert sum(total[name] for name in PARTS) == pytest.approx(change, abs=1e-5)
        assert total["equity_change"] == pytest.approx(change, abs=2e-6)
    for name in (*PARTS, "fills", "volume_usd", "sum"):
        both = first["attribution"]["total"][name] + second["attribution"]["total"][name]
        assert both == pytest.approx(whole[name], abs=2e-6), name
    assert second["attribution"]["total"]["inventory"] != 0
    run_counters = counters(driver.engine, ())
    for section in ("orders", "decisions", "feed"):
        for name, value in run_counters[section].items():
            if isinstance(value, int):
                assert first[section][name] + second[section][name] == value, (section, name)


def test_a_fill_is_settled_in_exactly_one_day():
    run = over_midnight()
    driver = next(run)
    first = facts_of(driver, NOW // DAY)["day"]["fills"]
    next(run)
    second = facts_of(driver)["day"]["fills"]
    old = [row for row in first if row["is_traded"] and not row["is_settled"]]
    assert old, "a fill whose horizon is after midnight"
    assert all(row["adverse_usd"] is None for row in old)
    settled = {row["trade_id"] for row in second if row["is_settled"]}
    assert {row["trade_id"] for row in old} <= settled
    assert not any(row["is_traded"] for row in second if row["trade_id"] == old[0]["trade_id"])
    assert old[0]["rebate_accrued_usd"] > 0


def test_each_days_fills_sum_to_the_days_attribution():
    run = over_midnight()
    driver = next(run)
    for number in (NOW // DAY, NOW // DAY + 1):
        day = facts_of(driver, number)["day"]
        total, rows = day["attribution"]["total"], day["fills"]
        spread = sum(row["spread_usd"] for row in rows if row["is_traded"])
        adverse = sum(row["adverse_usd"] or 0 for row in rows)
        assert spread == pytest.approx(total["spread"], abs=1e-6)
        assert adverse == pytest.approx(total["adverse"], abs=1e-6)
        next(run, None)


def test_the_three_profiles_and_what_they_prove():
    run = over_midnight()
    driver = next(run)
    first = facts_of(driver, NOW // DAY)["day"]["profiles"]
    next(run)
    second = facts_of(driver)["day"]["profiles"]
    results = driver.machine.paper.results(driver.engine.portfolio.marks())
    assert list(first) == ["pessimistic", "base", "optimistic"]
    for name, profile in second.items():
        assert first[name]["end_equity_usd"] == pytest.approx(profile["start_equity_usd"])
        assert profile["end_equity_usd"] == pytest.approx(results[name].equity_e12 / 1e12)
        assert first[name]["fills"] + profile["fills"] == results[name].fills
        for day in (first[name], profile):
            change = day["end_equity_usd"] - day["start_equity_usd"]
            made = sum(day["pnl_by_market_usd"].values()) + day["pnl_other_usd"]
            assert made == pytest.approx(change, abs=1e-9)
            assert day["pnl_other_usd"] == pytest.approx(0.0, abs=1e-9)
    base = second["base"]["realised"]
    assert base["n"] > 0, "horizons of the first day's fills end in the second"
    # Bought at 0.48; the mid at the horizon is 0.49.
    assert base["counts_e6"] == {"10000": base["n"]}


def test_sockets_are_up_for_the_share_of_looks():
    run = over_midnight()
    driver = next(run)
    assert facts_of(driver)["day"]["sockets"][0]["up_share"] == 1.0
    next(run)
    (socket,) = facts_of(driver)["day"]["sockets"]
    assert socket["up_share"] == pytest.approx(0.5, abs=0.01)


def test_the_engines_ledger_and_the_venues_agree_and_a_difference_is_named():
    driver = next(over_midnight())
    assert facts_of(driver)["ledgers"]["differences"] == []
    driver.engine.portfolio.cash_e12 += USD
    driver.engine.portfolio.position_of("m1").yes_e6 += SHARE
    driver.engine.portfolio.held()["m1"] = driver.engine.portfolio.position_of("m1")
    cash, net = facts_of(driver)["ledgers"]["differences"]
    assert cash["what"] == "cash_usd"
    assert cash["engine"] - cash["venue"] == pytest.approx(1.0)
    assert net["what"] == "net YES of m1"


def test_exposure_is_what_the_unpaired_holding_can_lose():
    driver = next(over_midnight())
    portfolio = facts_of(driver)["portfolio"]
    (position,) = portfolio["positions"]
    held = position["yes"] - position["no"]
    worst = held * position["mark"] if held > 0 else -held * (1 - position["mark"])
    assert portfolio["exposure_usd"] == pytest.approx(worst)
    assert portfolio["exposure_largest_market_usd"] == portfolio["exposure_usd"]


# --- the ledger's days ---------------------------------------------------------------------


moves = st.one_of(
    st.tuples(st.just("fill"), st.booleans(), st.integers(1, 99), st.integers(1, 300)),
    st.tuples(st.just("mark"), st.integers(1, 99)),
    st.tuples(st.just("time"), st.integers(1, 40_000)),
    st.tuples(st.just("rebate"), st.integers(1, USD)),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(moves, max_size=40))
def test_whatever_happens_every_days_parts_are_its_change_of_equity(drawn):
    portfolio = Portfolio(1000 * USD, 120 * SECOND)
    now_ns, reported, seen = 0, {}, 0
    for number, (kind, *args) in enumerate(drawn):
        if kind == "time":
            now_ns += args[0] * SECOND
        portfolio.advance(now_ns)
        today = now_ns // DAY
        if seen != today:
            closed = portfolio.day_parts(seen)
            assert closed is not None
            reported[seen] = closed
            seen = today
        if kind == "fill":
            is_yes, cents, shares = args
            portfolio.apply(
                Fill(now_ns, f"t{number}", "o", "m", "tok", is_yes, True, cents * 100,
                     shares * SHARE, 0, True, "maker", 1, None)
            )  # fmt: skip
        elif kind == "mark":
            portfolio.mark("m", args[0] * 10_000)
        elif kind == "rebate":
            portfolio.pay_rebate("m", "maker", args[0])
    if portfolio.day_parts(seen) is not None:
        reported[seen] = portfolio.day_parts(seen)
    for day in reported.values():
        assert day.error_e12 == 0
    ends = [day.end_equity_e12 for _, day in sorted(reported.items())]
    starts = [day.start_equity_e12 for _, day in sorted(reported.items())]
    assert starts[1:] == ends[:-1]
    assert sum(len(day.traded) for day in reported.values()) == portfolio.fills
    assert portfolio.day_parts(seen + 1) is None


def test_counters_are_subtracted_and_everything_else_stays():
    later = {"a": 5, "b": {"c": 3, "new": 2}, "flag": True, "text": "x"}
    assert difference(later, {"a": 2, "b": {"c": 3}}) == {
        "a": 3, "b": {"c": 0, "new": 2}, "flag": True, "text": "x",
    }  # fmt: skip


def test_fills_within_a_minute_on_one_side_of_an_event_are_one_cluster():
    def found(at_s, realised_e6, event="e", sign=1, size_e6=SHARE):
        return Markout(at_s * SECOND, event, sign, size_e6, 5000, realised_e6)

    markouts = [
        found(0, 10_000), found(50, 30_000, size_e6=3 * SHARE), found(105, 20_000),
        found(166, -10_000), found(50, 0, sign=-1), found(50, 5_000, event="other"),
    ]  # fmt: skip
    assert cluster_means_c(markouts) == [pytest.approx(2.4), 0.0, 0.5, -1.0]
    whole = realised(markouts, 120 * SECOND)
    assert (whole["n"], whole["clusters"]) == (6, 4)
    assert whole["counts_e6"]["10000"] == 1
    assert realised([], SECOND)["share_weighted_c"] is None


# --- the file ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    run = over_midnight()
    for number in (NOW // DAY, NOW // DAY + 1):
        driver = next(run)
        write_report(folder, day_text(number), "r1", report_of(driver, number))
    return folder


def polyframe(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_whole_days_file_is_of_the_published_schema(reports):
    published = polyframe("report", "--schema")
    assert published.exit_code == 0
    schema = json.loads(published.output)
    assert schema == json.loads(json.dumps(file_schema(SCHEMA)))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    files = sorted(reports.glob("*.json"))
    assert len(files) == 2
    for path in files:
        found = read_report(path)
        validator.validate(found)
        report = found["runs"]["r1"]["report"]
        assert report["warnings"] == []
        assert abs(report["attribution"]["total"]["error"]) <= 1e-6
    report["gates"]["B"]["verdict"] = "GO"
    assert not validator.is_valid(found), "GO beside an unknown criterion is no report"


def test_the_second_day_is_the_second_days_own(reports):
    first, second = (
        read_report(path)["runs"]["r1"]["report"] for path in sorted(reports.glob("*.json"))
    )
    assert first["maker"]["fills"] > 0
    assert second["maker"]["fills"] == second["fills"]["traded"] == 0
    assert second["fills"]["settled"] == first["fills"]["traded"]
    assert second["maker"]["half_spreads"]["realised"]["n"] == second["fills"]["settled"]
    assert 0 < second["maker"]["quote_uptime"]["two_sided"] <= 1
    assert [day["day"] for day in second["equity_curve"]] == [first["day"], second["day"]]


def test_the_verb_shows_the_latest_day_or_the_one_asked_for(reports):
    first, latest = (path.stem for path in sorted(reports.glob("*.json")))
    shown = polyframe("report", "--reports", reports)
    assert shown.exit_code == 0
    assert f"# Report of {latest}" in shown.output
    assert "**B: EXTEND**" in shown.output
    shown = polyframe("report", first, "--reports", reports, "--run", "r1")
    assert f"# Report of {first}" in shown.output
    found = json.loads(polyframe("report", first, "--reports", reports, "--json").output)
    assert found["day"] == first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["2020-01-01"], "no report of 2020-01-01; the latest is"),
        (["yesterday"], "is no day; write YYYY-MM-DD"),
        (["../../etc/passwd"], "is no day"),
        (["--run", "other"], "has no such run; it holds r1"),
        (["2020-01-01", "--schema"], "leave DAY and --run"),
    ],
)
def test_a_mistake_is_one_line(reports, arguments, words):
    result = polyframe("report", *arguments, "--reports", reports)
    assert result.exit_code == 2
    assert words in result.output
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "not JSON"), ("[]", "not a report file"), ('{"schema": "x"}', "not a report file"),
     ('{"schema": "polyframe.report-file/1", "day": "d", "runs": []}', "holds no runs"),
     ("[" * 100_000, "not JSON")],
)  # fmt: skip
def test_a_broken_file_is_one_line(tmp_path, text, words):
    (tmp_path / "2026-01-01.json").write_text(text)
    result = polyframe("report", "--reports", tmp_path)
    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output


def test_without_a_report_the_verb_says_how_to_get_one(tmp_path):
    result = polyframe("report", "--reports", tmp_path / "none")
    assert (result.exit_code, "no report yet" in result.output) == (1, True)
    with pytest.raises(Exception, match="there is none yet"):
        find_report(tmp_path, "2026-01-01")


def test_other_versions_and_failed_reports_are_named_not_guessed_at(tmp_path):
    write_report(tmp_path, "2026-01-01", "r\x1b[2J", {"report": {"error": "a\nb"}, "sections": {}})
    write_report(tmp_path, "2026-01-01", "old", {"report": {"schema": "polyframe.report/1"},
                                                 "sections": {}})  # fmt: skip
    found = read_report(tmp_path / "2026-01-01.json")
    jsonschema.Draft202012Validator(file_schema(SCHEMA)).validate(found)
    output = polyframe("report", "--reports", tmp_path).output
    assert "# Run r\\u001b[2J" in output
    assert "no report: a\\u000ab" in output
    assert "a report of polyframe.report/1, not polyframe.report/4" in output


# --- through the shell ---------------------------------------------------------------------

MLB = Path(__file__).parents[2].parent / "shared" / "data" / "mlb_20250617.frames.jsonl.zst"
_MILLISECONDS = re.compile(rb"\b17502\d{8}\b")


@pytest.fixture
def over_midnight_recording(tmp_path):
    """The start of a real recording, moved so that midnight is ten minutes in."""
    if not MLB.is_file():
        pytest.skip(f"the real recordings are not beside the repository ({MLB.name})")
    packed = zstandard.ZstdDecompressor().stream_reader(MLB.open("rb"))
    with io.BufferedReader(packed) as file:
        lines = list(islice(file, 3000))
    first_ms = json.loads(lines[0])["recv_ms"]
    midnight_ms = first_ms // 86_400_000 * 86_400_000
    shift_ms = first_ms - midnight_ms + 600_000
    moved = [_MILLISECONDS.sub(lambda m: b"%d" % (int(m[0]) - shift_ms), line) for line in lines]
    path = tmp_path / MLB.name
    path.write_bytes(zstandard.compress(b"".join(moved)))
    gamma = MLB.with_name(MLB.name.replace("frames.jsonl.zst", "gamma.json"))
    (tmp_path / gamma.name).write_bytes(gamma.read_bytes())
    return path


def test_a_run_over_midnight_writes_a_report_of_each_day(
    tmp_path, monkeypatch, over_midnight_recording
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PAPER_MODE", raising=False)
    strategy = Path(__file__).parents[2] / "strategies" / "maker.yaml"
    result = polyframe(
        "run", strategy, "--profile", "paper", "--venue", f"recording:{over_midnight_recording}",
        "--speed", "900", "--for", "30s", "--plain",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    paths = sorted(Path("reports").glob("*.json"))
    assert [path.stem for path in paths] == ["2025-06-17", "2025-06-18"]
    validator = jsonschema.Draft202012Validator(file_schema(SCHEMA))
    reports = []
    for path in paths:
        found = read_report(path)
        validator.validate(found)
        (run,) = found["runs"].values()
        reports.append(run["report"])
    first, second = reports
    assert first["end_ns"] == second["start_ns"]
    assert first["attribution"]["end_equity_usd"] == second["attribution"]["start_equity_usd"]
    to_date = second["run_to_date"]
    for report in reports:
        assert abs(report["attribution"]["total"]["error"]) <= 1e-6
        assert report["health"]["ledger_differences"] == []
    for name in ("spread", "adverse", "sum", "fills"):
        both = sum(report["attribution"]["total"][name] for report in reports)
        assert both == pytest.approx(to_date["attribution"]["total"][name], abs=3e-6)
    placed = sum(report["orders"]["placed"] for report in reports)
    assert placed == to_date["orders"]["placed"] > 0
    assert placed == sum(report["maker"]["quotes_placed"] for report in reports)


def test_days_are_utc():
    second_ns, day_ns = 10**9, 86_400 * 10**9
    assert day_text(1_750_377_599 * second_ns // day_ns) == "2025-06-19"
    assert day_text(1_750_377_600 * second_ns // day_ns) == "2025-06-20"
