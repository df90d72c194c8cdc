"""``polyframe universe``: every market judged, every exclusion counted once."""

import json
import re
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner

from polyframe.cli import main

REPOSITORY = Path(__file__).parents[2]
STRATEGY = REPOSITORY / "strategies" / "maker.yaml"
REAL = REPOSITORY.parent / "shared" / "data" / "gamma_markets.jsonl.zst"


def universe(*arguments):
    arguments = ["universe", *(str(a) for a in arguments), "--strategy", str(STRATEGY)]
    return CliRunner().invoke(main, arguments)


def a_row(number, **changes):
    return {
        "conditionId": f"0x{number:064x}", "question": f"Will {number} happen?", "slug": "s",
        "description": "Resolves by the agency's page.", "outcomes": '["Yes", "No"]',
        "clobTokenIds": f'["{number}1", "{number}2"]', "orderPriceMinTickSize": 0.01,
        "orderMinSize": 5, "active": True, "closed": False, "acceptingOrders": True,
        "enableOrderBook": True, "endDate": "2030-01-01T00:00:00Z", "liquidityNum": 1000.0,
        "volume24hr": 100.0 * number, "updatedAt": "2026-03-11T20:00:00Z", "negRisk": False,
        "feesEnabled": False, "events": [{"id": "7", "title": "t"}], **changes,
    }  # fmt: skip


def test_rows_and_summary_agree(tmp_path):
    rows = [
        a_row(1), a_row(2, negRisk=True), a_row(3, endDate="2026-03-11T21:00:00Z"),
        a_row(4, umaResolutionStatuses='["proposed"]'), a_row(5, enableOrderBook=False),
        a_row(6, question="Will \x1b[31mit\u202e happen?", endDate=None),
    ]  # fmt: skip
    path = tmp_path / "u.jsonl.zst"
    text = "\n".join(json.dumps(row) for row in rows)
    path.write_bytes(zstandard.ZstdCompressor().compress(text.encode()))
    found = json.loads(universe(path, "--json").stdout)
    summary, markets = found["summary"], found["markets"]
    assert summary["rows"] == len(markets) == 6
    assert summary["at"].startswith("2026-03-11T20:00:00")
    exclusions = [market["exclusion"] for market in markets]
    assert exclusions == [
        None, "neg_risk", "close_window", "oracle", None, "skipped: no order book",
    ]  # fmt: skip
    assert summary["kept"] == 2
    assert summary["states"] == {"NORMAL": 2, "CLOSE_WINDOW": 1, "PROPOSED": 1, "WATCH": 1}
    assert summary["no_end_date"] == 1
    assert all(0 <= market["rrs"] <= 1 for market in markets[:5])
    shown = universe(path).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "not a file of Gamma markets"), ("[1]", "not a JSON object"), ("7\n", "not a JSON")],
)
def test_what_is_no_universe(tmp_path, content, words):
    path = tmp_path / "u.json"
    path.write_text(content)
    result = universe(path, "--now", "2026-01-01")
    assert (result.exit_code, words in result.output) == (6, True)
    assert universe(tmp_path / "none.json", "--now", "2026-01-01").exit_code == 6


def test_a_file_without_dates_needs_a_moment(tmp_path):
    path = tmp_path / "u.json"
    path.write_text(json.dumps([a_row(1, updatedAt="")]))
    assert "--now" in universe(path).output
    assert universe(path, "--now", "2026-01-01T00:00:00Z").exit_code == 0
    assert "write 2026" in universe(path, "--now", "soon").output


def test_the_real_universe():
    if not REAL.is_file():
        pytest.skip(f"the real universe is not beside the repository ({REAL.name})")
    found = json.loads(universe(REAL, "--json").stdout)
    summary = found["summary"]
    assert summary["rows"] == len(found["markets"]) == 11_754
    assert summary["kept"] == 250
    assert sum(summary["excluded"].values()) + summary["kept"] == summary["markets"]
    assert sum(summary["states"].values()) == summary["markets"]
    worst = summary["rrs"]["worst"]
    assert len(worst) == 10
    assert all(re.search(r"\w", reason) for row in worst for reason in row["reasons"])
