"""Every example line of docs/strategy-file.md is what the program prints for such a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from polyframe.errors import StrategyError
from polyframe.strategy import load_strategy
from polyframe.strategy.source import MAX_BYTES

PAGE = Path(__file__).parents[2] / "docs" / "strategy-file.md"
TAIL = "\nplugins: {guard: {limit: 0.01}}\nprofiles: {paper: {}, production: {}}\n"
PROFILES = "profiles: {paper: {}, production: {}}\n"

HEADS = """\
sead: 3
quoting:\\n  max_book_age_s: 3
tape: {zzz: 1}
feed:\\n  ping_s: 5\\n  ping_s: 6
f\\u0435\\u0435d: {}
feed: {max_book_age_s: 120s}
feed: {max_book_age_s: 2 min}
feed: {witness_share: 12%}
universe: {prefilter: {enabled: yes}}
universe: {max_markets: 250.0}
feed:
venue: {fallback: embeded}
feed: {max_book_age_s: 900}
feed: {witness_share: 12}
feed: {ping_s: .nan}
feed: {max_book_age_s: 120}
venue: {fallback: embedded}
feed: *a
feed: &a {ping_s: 5}
feed: {<<: {ping_s: 5}}
feed:\\n\\tping_s: 5
# \\n# \\u202e
"""

FILES = [
    *(head.encode().decode("unicode_escape") + TAIL for head in HEADS.splitlines()),
    "plugins:\n  guard: {}\n" + PROFILES,
    "plugins:\n  score: {weights: [0.5, 0.4]}\n" + PROFILES,
    "plugins: {}\nprofiles: {paper: {}, production: {}, staging: {}}\n",
    "plugins: {}\n" + PROFILES,
    "plugins: {guard: {limit: 0.01}}\nprofiles:\n"
    "  paper: {plugins: {score: {}}}\n  production: {plugins: {score: {}}}\n",
    "plugins: {}\nprofiles:\n  paper:\n    feed: {max_book_age_s: 120}\n  production: {}\n",
    "plugins: {guard: {limit: 0.01, dist: guard}}\n" + PROFILES,
    "plugins:\n  ../x: {}\n" + PROFILES,
    b"a: 1\nb: \xff\n",
    b"#" * (MAX_BYTES + 1),
]


def test_every_example_line_is_printed_as_it_stands(write, configs):
    printed = set()
    for text in FILES:
        path = write(text)
        for profile in ("paper", "production"):
            try:
                load_strategy(path, profile, configs)
            except StrategyError as error:
                printed.update(error.problems)
    Path("s.yaml").unlink()
    with pytest.raises(StrategyError) as caught:
        load_strategy("s.yaml", "paper", configs)
    printed.update(caught.value.problems)

    examples = re.findall(r"^s\.yaml:\d+: .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(examples) > 30
    assert [line for line in examples if line not in printed] == []
