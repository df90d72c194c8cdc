"""Pure modules and plugins hold nothing that could make two replays of one tape differ."""

from __future__ import annotations

import pytest

from determinism import findings
from source_tree import core_modules, is_pure, plugin_modules

CHECKED = [*filter(is_pure, core_modules()), *plugin_modules()]


def test_pure_modules_and_plugins_are_deterministic() -> None:
    broken = [
        f"{module.place}:{item.line}: {item.rule}"
        for module in CHECKED
        for item in findings(module.text)
    ]
    assert not broken, "\n".join(broken)


def test_the_rules_see_the_modules_that_matter() -> None:
    names = {module.name for module in CHECKED}
    assert {"polyframe.money", "polyframe.runtime.books", "polyframe_qs"} <= names
    assert "polyframe.runtime.shell" not in names


@pytest.mark.parametrize(
    "text",
    [
        "import time\nx = time.time()",
        "import time as t\nx = t.perf_counter_ns()",
        "from time import monotonic as tick\nx = tick()",
        "from datetime import datetime\nx = datetime.now()",
        "import datetime as dt\nx = dt.datetime.utcnow()",
        "from datetime import date\nx = date.today()",
        "class A:\n    clock: object\ndef f():\n    import time\n    return time.monotonic",
    ],
)
def test_a_planted_clock_is_caught(text: str) -> None:
    assert any("clock" in item.rule for item in findings(text))


@pytest.mark.parametrize(
    "text",
    [
        "import random\nx = random.random()",
        "from random import choice\nx = choice([1, 2])",
        "import random\nx = random.SystemRandom()",
        "import random\nx = random.Random()",
        "from random import Random\nx = Random()",
        "import uuid\nx = uuid.uuid4()",
        "from uuid import uuid4\nx = uuid4()",
        "import secrets\nx = secrets.token_hex()",
        "import os\nx = os.urandom(8)",
    ],
)
def test_planted_chance_is_caught(text: str) -> None:
    assert any("chance" in item.rule for item in findings(text))


@pytest.mark.parametrize(
    "text",
    [
        "import os\nx = os.environ['A']",
        "from os import environ\nx = environ.get('A')",
        "import os\nx = os.getenv('A')",
        "x = hash('a')",
        "x = sorted(things, key=id)\ny = id(x)",
        "with open('a') as file: pass",
        "from pathlib import Path\nx = Path('a').read_text()",
    ],
)
def test_planted_environment_and_builtins_are_caught(text: str) -> None:
    assert findings(text)


@pytest.mark.parametrize(
    "text",
    [
        "for x in {1, 2}: pass",
        "for x in set(things): pass",
        "for x in frozenset(things) | more: pass",
        "for x in {y for y in things}: pass",
        "a = {'x'}\nfor x in a: pass",
        "def f(names: set[str]) -> None:\n    for x in names: pass",
        "def f(old: dict, new: dict) -> None:\n    for x in old.keys() - new.keys(): pass",
        "def f(names: frozenset[str]) -> list:\n    return [x for x in names]",
        "def f(names: frozenset[str]) -> list:\n    return list(names)",
        "def f(names: set[str]) -> str:\n    return ','.join(names)",
        "def f(names: set[str]) -> str:\n    return ','.join(n.upper() for n in names)",
        "def f(names: set[str]) -> dict:\n    return {n: 1 for n in names}",
        "def f(names: set[str]) -> tuple:\n    return (*names,)",
        "def f(names: set[str]) -> str:\n    return names.pop()",
        "def f(names: set[str]) -> str:\n    return next(iter(names))",
        "def f(names: set[str]) -> str:\n    return max(names, key=len)",
        "def f(names: set[str]) -> list:\n    return sorted(names, key=len)",
        "def f(names: set[str]) -> str:\n    return min((n for n in names), key=len)",
        "def f(names: set[str]) -> None:\n    self.stale = names\n    for x in self.stale: pass",
        "def f(sizes: set[float]) -> float:\n    return sum(sizes)",
        "def g() -> set[str]: ...\ndef f() -> None:\n    for x in g(): pass",
        (
            "class A:\n    def __init__(self) -> None:\n        self.stale: set[str] = set()\n"
            "    def f(self) -> None:\n        for x in self.stale: pass"
        ),
        "class A:\n    stale: frozenset[str]\ndef f(a: A) -> list:\n    return list(a.stale)",
    ],
)
def test_a_planted_set_order_is_caught(text: str) -> None:
    assert [item for item in findings(text) if "set" in item.rule]


@pytest.mark.parametrize(
    "text",
    [
        "import random\nx = random.Random(7)",
        "from random import Random\ndef f(rng: Random) -> float:\n    return rng.random()",
        "from datetime import UTC, datetime\nx = datetime.fromtimestamp(0, UTC)",
        "import os.path\nx = os.path.join('a', 'b')",
        "def f(time: float, uuid: str) -> str:\n    return f'{time}{uuid}'",
        "class A:\n    def __hash__(self) -> int:\n        return hash((self.a, self.b))",
        "class A:\n    hash: str = ''\nx = A().hash",
        "for x in sorted({1, 2}): pass",
        "for x in sorted({y for y in things}): pass",
        "def f(names: set[str]) -> bool:\n    return all(n for n in names)",
        "def f(names: set[str]) -> set:\n    return {n.upper() for n in names}",
        "def f(names: set[str]) -> list:\n    return sorted(n for n in names)",
        "def f(names: set[str]) -> list:\n    return sorted(names, reverse=True)",
        "def f(names: set[str]) -> list:\n    names = sorted(names)\n    return list(names)",
        "names = {'a'}\ndef f(names: list) -> list:\n    return list(names)",
        "names = {'a'}\ndef f() -> list:\n    names = [1]\n    return list(names)",
        "def f(names: set[str]) -> bool:\n    return 'a' in names and len(names) > min(names)",
        "def f(sizes: dict) -> None:\n    for x in sizes.keys(): pass",
        "def f(levels: list) -> object:\n    return levels.pop()",
        "def f(left: float, right: float) -> list:\n    return list(range(int(left - right)))",
        "for x in {1, 2}: total += x  # order-free: a sum of integers",
    ],
)
def test_honest_code_is_left_alone(text: str) -> None:
    assert not findings(text)
