"""Whatever the bytes, a strategy file is read or refused in printable lines; nothing else."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from polyframe.errors import StrategyError
from polyframe.strategy.loading import resolve
from polyframe.strategy.source import parse_source

SCRAPS = st.sampled_from(
    [
        *"{}[]:,-?&*!|>'\"%@`#~\n\t \\",
        *("feed", "plugins", "profiles", "paper", "production", "a", "1", ": ", "\n  ", "\n- "),
        *("---\n", "...\n", "%YAML 1.2\n", "<<", ".nan", "!!int", "&a", "*a", "é", "\u200b", "0x"),
    ]
)


@given(st.lists(SCRAPS, max_size=40).map("".join) | st.text(max_size=80))
@example("%YAML 1.2.3\n---\na: 1")
@example("%YAML 99999999999999999999.1\n---\n")
@example('"\\UFFFFFFFF": 1')
@example('"\\uD800": "\\uDFFF"\nplugins: {}\nprofiles: {paper: {}, production: {}}')
@example('name: "\\uD800"\nplugins: {}\nprofiles: {paper: {}, production: {}}')
@example("!<%FF%FE> a: 1")
@example("a: |99\n x")
@example("? \n? \n")
@example("plugins: {}\nprofiles: {paper: [], production: 3}\nfeed: []\nname: {}\n")
def test_any_text_is_read_or_refused(text):
    for profile in ("paper", "production"):
        try:
            resolve(parse_source(text, "s.yaml"), profile, {})
            lines = []
        except StrategyError as error:
            lines = error.problems or ["no problem is told"]
        for line in lines:
            assert line.startswith("s.yaml:")
            assert line.isprintable()
