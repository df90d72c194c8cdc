"""The golden numbers of quant.md section D: each is checked by a test that names it.

A test names a golden in its own name (``test_g17_event_states``) or in its body, docstring or
parameters (``G17``), so that whoever finds a number wrong finds the test, and the other way round.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from source_tree import ROOT

GOLDENS = {
    1: "reservation of an exponential-utility maker",
    2: "his bid and ask for one share",
    3: "Glosten-Milgrom's bid and ask",
    4: "reservations of three exclusive outcomes",
    5: "Guéant's stationary constants (a model to compare with; the product has none of it)",
    6: "Avellaneda-Stoikov's spread (likewise)",
    7: "quadratic variation of a belief",
    8: "one step of a queue",
    9: "three prints at a queue",
    10: "markout averages",
    11: "markout into effective and adverse",
    12: "Newey-West's standard error",
    13: "shrinkage of three markets",
    14: "VPIN",
    15: "Brier, skill and AUC",
    16: "what a resolution-risk score means",
    17: "endings of an exclusive event",
    18: "netting of a pair",
    19: "CVaR of a single long",
    20: "CVaR of a cluster, independent and comonotone",
    21: "attribution",
    22: "metrics of ten days",
    23: "reward score",
    24: "reward yield",
    25: "bounds of the competition for a reward",
    26: "rebate a share",
    27: "bounded loss",
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
IN_A_NAME = re.compile(r"(?:^|_)g(\d+)(?=_|$)", re.IGNORECASE)
IN_TEXT = re.compile(r"\bG(\d+)\b")


def cited_in(text: str) -> set[int]:
    """Return the goldens that the tests of a source name; a module's own words do not count."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, FUNCTIONS) and node.name.startswith("test_"):
            decorated = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            body = "\n".join(text.splitlines()[decorated - 1 : node.end_lineno])
            found.update(map(int, IN_A_NAME.findall(node.name)))
            found.update(map(int, IN_TEXT.findall(body)))
    return found


def test_every_golden_is_named_by_a_test() -> None:
    this = Path(__file__)
    cited: set[int] = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if path != this:
            cited |= cited_in(path.read_text(encoding="utf-8"))
    missing = {f"G{number}": what for number, what in GOLDENS.items() if number not in cited}
    assert not missing
    assert cited <= GOLDENS.keys(), "section D has no such golden"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def test_g17_event_states(): pass", {17}),
        ("def test_attribution_golden_g21(): pass", {21}),
        ("def test_a():\n    # G8 at n = 3\n    assert f() == 55.68", {8}),
        ("def test_a():\n    '''Goldens G12 and G13.'''", {12, 13}),
        ("@pytest.mark.parametrize('a', [pytest.param(1, id='G9')])\ndef test_a(a): pass", {9}),
        ("'''Golden G14.'''\n# G15\ndef test_a(): pass\ndef of_g16(): return 'G16'", set()),
        ("def test_g1x_and_ag2(): return 'G1x AG2 g3'", set()),
    ],
)
def test_what_names_a_golden_and_what_does_not(text: str, expected: set[int]) -> None:
    assert cited_in(text) == expected
