"""``polyframe universe``: every market judged, every exclusion counted once."""

import json
import re
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner

from polyframe.cli import main

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover

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
    [
        (b"{", "u.json:1: not a JSON object: "),
        (b"[1]", "u.json:1: not a JSON object; "),
        (b"7\n", "u.json:1: not a JSON object; "),
        (b"{}\n\n{\n{}\n", "u.json:3: not a JSON object: "),
        (b'{}\n{"a": "\xff"}', "u.json:2: not a JSON object: "),
        (b"[" * 100_000, "u.json: not a file of Gamma markets: "),
        (b"\xff[", "u.json:1: not a JSON object: "),
        (b"", "u.json: holds no market object"),
        (b"\n\n", "u.json: holds no market object"),
        (b"[]", "u.json: holds no market object"),
        (b"\x28\xb5\x2f\xfdbroken", "u.json: the zstd data is "),
    ],
)
def test_what_is_no_universe(tmp_path, content, words):
    path = tmp_path / "u.json"
    path.write_bytes(content)
    result = universe(path, "--now", "2026-01-01")
    assert (result.exit_code, result.output.count("\n")) == (6, 1)
    assert words in result.output
    assert universe(tmp_path / "none.json", "--now", "2026-01-01").exit_code == 6


def test_a_packed_file_that_was_cut_off_is_no_short_universe(tmp_path):
    frames = [zstandard.compress(json.dumps(a_row(n)).encode() + b"\n") for n in (1, 2)]
    path = tmp_path / "u.jsonl.zst"
    path.write_bytes(b"".join(frames))
    assert json.loads(universe(path, "--json").stdout)["summary"]["rows"] == 2
    path.write_bytes(frames[0] + frames[1][:-1])
    result = universe(path)
    assert (result.exit_code, "the zstd data is cut off" in result.output) == (6, True)


def test_a_market_listed_twice_counts_once(tmp_path):
    path = tmp_path / "u.json"
    path.write_text(json.dumps([a_row(1), a_row(2), a_row(1, negRisk=True)]))
    found = json.loads(universe(path, "--json").stdout)
    assert (found["summary"]["markets"], found["summary"]["kept"]) == (2, 2)
    assert found["summary"]["skipped"] == {"listed twice": 1}
    assert [market["kept"] for market in found["markets"]] == [True, True, False]


def test_clusters_are_shown_by_size_and_their_names_cannot_move_the_cursor(tmp_path):
    rows = [a_row(n, events=[{"id": "\x1b[2J7" if n < 3 else str(n)}]) for n in range(1, 6)]
    path = tmp_path / "u.json"
    path.write_text(json.dumps(rows))
    shown = universe(path).stdout
    assert (
        "clusters: 4, by the markets in them:\n       3  with 1\n       1  with 2 to 5\n" in shown
    )
    assert "       2  event:\\u001b[2J7\n" in shown


def test_a_file_without_dates_needs_a_moment(tmp_path):
    path = tmp_path / "u.json"
    path.write_text(json.dumps([a_row(1, updatedAt="")]))
    assert "--now" in universe(path).output
    assert universe(path, "--now", "2026-01-01T00:00:00Z").exit_code == 0
    for moment in ("soon", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        result = universe(path, "--now", moment)
        assert (result.exit_code, "write 2026" in result.output) == (2, True)


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
