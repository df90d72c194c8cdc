"""The two command lines: what they print, and that a broken file costs one line."""

import json
from pathlib import Path

import msgspec
import pytest
import zstandard

from polyframe_rrs import evaluate, fit, shipped
from polyframe_rrs.model import Weights
from polyframe_rrs.requests import read


def a_row(number, *, trouble=False, early=False, **changes):
    """A request; every 50th kind of text ends in trouble in these made-up files."""
    topic = "ceasefire agreement" if trouble else "league game"
    row = {
        "query_id": f"0x{number}",
        "ancillary_data": f"q: title: Question {number}?, description: The {topic} counts. "
        f"Clause {'abcdefghij'[number % 10] * 4} applies.",
        "request_timestamp": 1_740_000_000 + number * 1000,
        "request_transaction_block_time": 1_740_500_000 + number * 1000,
        "end_date_iso": f"2025-0{1 + number % 9}-1{number % 7}T00:00:00Z",
        "updates": [],
        "label_disputed": trouble or early,
        "label_resolved_outcome": "p4" if early else "p1",
    }
    return {**row, **changes}


def write(path: Path, rows, *, packed=False):
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(zstandard.ZstdCompressor().compress(text) if packed else text)
    return path


def many():
    return [a_row(i, trouble=i % 7 == 3, early=i % 31 == 5 and i % 7 != 3) for i in range(200)]


@pytest.mark.parametrize("packed", [False, True])
def test_the_figures_of_a_file(tmp_path, capsys, packed):
    path = write(tmp_path / "requests", many(), packed=packed)
    assert evaluate.main([str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["n"], report["primary_label"]) == (200, "disputed")
    assert report["substantive"]["positives"] == 29
    assert report["disputed"]["positives"] > 29
    assert report["substantive"]["note"] == ""
    assert report["substantive"]["auc"] > 0.9, "a ceasefire is riskier than a game"
    low, high = report["disputed"]["auc_95"]
    assert low <= report["disputed"]["auc"] <= high
    assert [row["n"] for row in report["disputed"]["reliability"]] == [40] * 5
    assert evaluate.main([str(path)]) == 0
    shown = capsys.readouterr().out
    assert "IN-SAMPLE: 200 requests" in shown
    for figure in ("AUC", "PR-AUC", "Brier skill", "lift of top decile", "refused at 0.35"):
        assert shown.count(figure) >= 2, figure


def test_a_file_without_a_dispute_has_figures_that_are_null(tmp_path, capsys):
    path = write(tmp_path / "calm.jsonl", [a_row(i) for i in range(20)])
    assert evaluate.main([str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)["disputed"]
    assert report["auc"] is None
    assert "all labels agree" in report["note"]
    assert report["caught_share"] is None
    assert report["passes_gates"] is False


def a_line(**changes) -> bytes:
    return json.dumps(a_row(1, **changes)).encode()


BAD_ROWS = [
    (b'{"a": 1}', "missing required field `ancillary_data`"),
    (b"{nonsense", "no JSON"),
    (b"[1]", "Expected `object`, got `array`"),
    (b"[" * 100_000, "recursion"),
    (b'"\xff"', "not UTF-8"),
    (a_line(label_disputed="no"), "Expected `bool`, got `str` - at `$.label_disputed`"),
    (a_line(ancillary_data=None), "Expected `str`, got `null` - at `$.ancillary_data`"),
    (a_line(ancillary_data='{"q": 5}'), "ancillary_data: its q is no object"),
    (a_line(ancillary_data="{oops"), "no JSON"),
    (a_line(request_timestamp="soon"), "Expected `int`, got `str` - at `$.request_timestamp`"),
    (a_line(request_timestamp=10**20), "`$.request_timestamp`"),
    (a_line(request_timestamp=-1), "Expected `int` >= 0 - at `$.request_timestamp`"),
    (a_line(request_timestamp=float("inf")), "`$.request_timestamp`"),
    (a_line(tags=["a", {}]), "Expected `str`, got `object` - at `$.tags[1]`"),
    (a_line(tags="sports"), "Expected `array | null`, got `str` - at `$.tags`"),
    (a_line(tokens=[None]), "`$.tokens[0]`"),
    (a_line(updates=["(("]), "updates: an entry is no pair of a time and a text"),
    (a_line(updates=["(1, 2, 3)"]), "updates: an entry is no pair"),
    (a_line(updates=["('a', 'b')"]), "updates: an entry is no pair"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_ROWS)
@pytest.mark.parametrize("command", [evaluate.main, fit.main], ids=["evaluate", "fit"])
def test_a_broken_line_is_one_line_with_its_number(tmp_path, capsys, command, line, reason):
    good = json.dumps(a_row(1)).encode()
    (tmp_path / "rows.jsonl").write_bytes(good + b"\n" + good + b"\n" + line + b"\n")
    assert command([str(tmp_path / "rows.jsonl")]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "rows.jsonl:3: " in told
    assert reason in told


@pytest.mark.parametrize("content", [None, b"", b"\x28\xb5\x2f\xfdbroken"])
def test_a_missing_empty_or_broken_file_is_one_line(tmp_path, capsys, content):
    path = tmp_path / "rows.zst"
    if content is not None:
        path.write_bytes(content)
    assert evaluate.main([str(path)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(path) in told


def test_a_packed_file_that_was_cut_off_is_refused_not_read_in_part(tmp_path, capsys):
    path = tmp_path / "rows.zst"
    whole = [zstandard.compress(a_line() + b"\n") for _ in range(2)]
    path.write_bytes(b"".join(whole))
    assert len(read(path)) == 2, "a file may be several frames"
    path.write_bytes(whole[0] + whole[1][:-1])
    assert evaluate.main([str(path)]) == 1
    assert capsys.readouterr().err == f"evaluate: {path}: broken compression: the file is cut off\n"


def test_a_text_stored_in_the_wrong_encoding_is_put_right(tmp_path):
    wrong = "q: title: Micheál?, description: Rules.".encode().decode("latin-1")
    (request,) = read(write(tmp_path / "rows", [a_row(1, ancillary_data=wrong)]))
    assert request.spec.question == "Micheál?"


def test_a_clarification_after_the_proposal_is_not_known_before_it(tmp_path):
    updates = ["(1740500999, b'known in time')", "(1740501001, b'too late')"]
    (request,) = read(write(tmp_path / "rows", [a_row(1, updates=updates)]))
    assert "known in time" in request.spec.rules
    assert "too late" not in request.spec.rules


def test_siblings_are_one_event_and_other_days_are_another(tmp_path):
    rules = "q: title: {0}?, description: If {0} wins, this pays."
    days = ("2025-05-01", "2025-05-01", "2025-05-02")
    rows = [
        a_row(i, ancillary_data=rules.format(name), end_date_iso=day)
        for i, (name, day) in enumerate(zip(("Rivers", "Harbours", "Rivers"), days, strict=True))
    ]
    first, sibling, later = read(write(tmp_path / "rows", rows))
    assert first.event == sibling.event != later.event


def test_a_request_in_the_json_form_is_read_but_is_no_market_of_the_venue(tmp_path):
    text = '{"q":{"title":"Rain?","description":"60"},"earlyExpiration":1},initializer:4a'
    (request,) = read(write(tmp_path / "rows", [a_row(1, ancillary_data=text)]))
    assert (request.spec.question, request.spec.rules, request.is_market) == ("Rain?", "60", False)


def test_a_fit_writes_weights_that_load_and_is_the_same_twice(tmp_path, capsys):
    path = write(tmp_path / "rows", many())
    outs = [tmp_path / "one.json", tmp_path / "two.json"]
    for out in outs:
        assert fit.main([str(path), "--out", str(out)]) == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    weights = msgspec.json.decode(outs[0].read_bytes(), type=Weights)
    assert weights.positives == 29
    assert weights.words["ceasefire"] > 0 > weights.words["game"]
    assert weights.timing["all"].premature > 0
    assert {"time_split", "rolling_origins", "folds_by_event"} <= weights.evaluation.keys()
    assert "gates=" in capsys.readouterr().out


def test_a_fit_without_disputes_is_one_line(tmp_path, capsys):
    path = write(tmp_path / "rows", [a_row(i) for i in range(50)])
    assert fit.main([str(path), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_shipped_weights_are_few_and_hold_no_calendar():
    weights = shipped()
    assert 100 < len(weights.words) < 2000
    assert weights.rules > 0
    assert not {"january", "march", "may", "monday", "edt"} & weights.words.keys()
    assert all(word.isascii() and word.islower() for word in weights.words)
