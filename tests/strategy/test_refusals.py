"""Each thing a strategy file must not hold, with the exact line a user reads."""

from __future__ import annotations

import pytest

from polyframe.errors import PluginRefused, StrategyError
from polyframe.plugin import Config
from polyframe.strategy import load_strategy, named_plugins
from polyframe.strategy.source import MAX_BYTES, MAX_NODES

TAIL = """
plugins: {guard: {limit: 0.01}}
profiles: {paper: {}, production: {}}
"""

GOLDEN = [
    ("sead: 3", "s.yaml:1: sead: unknown key; did you mean seed?"),
    (
        "feed: {max-book-age-s: 3}",
        "s.yaml:1: feed.max-book-age-s: unknown key; did you mean max_book_age_s?",
    ),
    (
        "quoting:\n  max_book_age_s: 3",
        "s.yaml:2: quoting.max_book_age_s: unknown key; "
        "it belongs at feed.max_book_age_s, move it there",
    ),
    (
        "tape: {zzz: 1}",
        "s.yaml:1: tape.zzz: unknown key; remove it (known here: rotate_mb)",
    ),
    (
        "feed: {max_book_age_s: 900}",
        "s.yaml:1: feed.max_book_age_s: 900 is out of bounds; "
        "write 0 < max_book_age_s <= 600 (unit s)",
    ),
    (
        "feed: {witness_share: 12}",
        "s.yaml:1: feed.witness_share: 12 is out of bounds; "
        "write 0 < witness_share <= 1 (unit share), 0.12 for 12 %",
    ),
    (
        "feed: {max_book_age_s: 120s}",
        "s.yaml:1: feed.max_book_age_s: expected a number (unit s), got the text '120s'; "
        "write 120, the unit is s",
    ),
    (
        "feed: {max_book_age_s: 2 min}",
        "s.yaml:1: feed.max_book_age_s: expected a number (unit s), got the text '2 min'; "
        "write 120, the unit is s",
    ),
    (
        "states: {watch_h: 3d}",
        "s.yaml:1: states.watch_h: expected a number (unit h), got the text '3d'; "
        "write 72, the unit is h",
    ),
    (
        "feed: {witness_share: 12%}",
        "s.yaml:1: feed.witness_share: expected a number (unit share), got the text '12%'; "
        "write 0.12, the unit is share",
    ),
    (
        "capital: {bankroll_usd: '$5,000'}",
        "s.yaml:1: capital.bankroll_usd: expected a number (unit usd), got the text '$5,000'; "
        "write 5000, the unit is usd",
    ),
    (
        "feed: {max_book_age_s: soon}",
        "s.yaml:1: feed.max_book_age_s: expected a number (unit s), got the text 'soon'; "
        "write a plain number",
    ),
    (
        "feed: {max_book_age_s: true}",
        "s.yaml:1: feed.max_book_age_s: expected a number (unit s), got true; write a plain number",
    ),
    (
        "universe: {prefilter: {enabled: yes}}",
        "s.yaml:1: universe.prefilter.enabled: expected true or false, got the text 'yes'; "
        "write true, without quotes",
    ),
    (
        "universe: {max_markets: 250.0}",
        "s.yaml:1: universe.max_markets: expected a whole number (unit count), "
        "got the number 250.0; write 250",
    ),
    (
        "feed:",
        "s.yaml:1: feed: expected a mapping of settings, got null; "
        "write {} to keep its defaults, or remove the key",
    ),
    ("name: 5", "s.yaml:1: name: expected text, got the number 5; put it in quotes"),
    ("name: ''", "s.yaml:1: name: is too short; give at least 1"),
    (
        "venue: {fallback: embeded}",
        "s.yaml:1: venue.fallback: 'embeded' is not one of embedded, none; "
        "write one of them (did you mean embedded?)",
    ),
    (
        "feed:\n  ping_s: 5\n  ping_s: 6",
        "s.yaml:3: feed.ping_s: stands twice, first in line 2; keep one of them",
    ),
    (
        "feed: {ping_s: .nan}",
        "s.yaml:1: feed.ping_s: .nan is not a finite number; write a plain number",
    ),
    (
        "feed: {ping_s: -.inf}",
        "s.yaml:1: feed.ping_s: -.inf is not a finite number; write a plain number",
    ),
    (
        "feed: {ping_s: 1e999}",
        "s.yaml:1: feed.ping_s: 1e999 is not a finite number; write a plain number",
    ),
    (
        "seed: " + "9" * 50,
        "s.yaml:1: seed: " + "9" * 29 + "… has too many digits; write a plain number",
    ),
    (
        "feed: &a {ping_s: 5}",
        "s.yaml:1: feed: the anchor &a is not used in a strategy file; "
        "remove it and write the value out",
    ),
    (
        "seed: &a 5",
        "s.yaml:1: seed: the anchor &a is not used in a strategy file; "
        "remove it and write the value out",
    ),
    (
        "feed: *a",
        "s.yaml:1: feed: the alias *a is not used in a strategy file; write the value out",
    ),
    (
        "feed: {<<: {ping_s: 5}}",
        "s.yaml:1: feed.<<: merge keys are not used here; write the settings out",
    ),
    (
        "seed: !!python/name:os.system 5",
        "s.yaml:1: seed: the tag tag:yaml.org,2002:python/name:os.system "
        "is not used in a strategy file; remove it, types are known from the schema",
    ),
]


@pytest.mark.parametrize(("head", "line"), GOLDEN, ids=[head[:32] for head, _ in GOLDEN])
def test_each_mistake_is_one_line_that_says_what_to_do(problems, head, line):
    assert problems(head + TAIL) == [line]


def test_plugin_settings_are_checked_like_the_cores(problems):
    text = """\
plugins:
  score:
    wieghts: [0.5, 0.5]
    weights: [0.5, 1.5]
    steps:
      - after_s: 5
      - {weight: 2}
    by_category: {sport: 12}
    mode: fast
    label: too long
  guard: {limit: 12, width: 2}
profiles: {paper: {}, production: {}}
"""
    assert problems(text) == [
        "s.yaml:3: plugins.score.wieghts: unknown key; did you mean weights?",
        "s.yaml:4: plugins.score.weights[1]: 1.5 is out of bounds; "
        "write 0 <= value <= 1 (unit share), 0.015 for 1.5 %",
        "s.yaml:7: plugins.score.steps[1].after_s: is missing and has no default; "
        "add it (when [s])",
        "s.yaml:7: plugins.score.steps[1].weight: 2 is out of bounds; "
        "write 0 <= weight <= 1 (unit share), 0.02 for 2 %",
        "s.yaml:8: plugins.score.by_category.sport: 12 is out of bounds; "
        "write 0 <= sport <= 1 (unit score), 0.12 for 12 %",
        "s.yaml:9: plugins.score.mode: 'fast' is not one of plain, statistical; write one of them",
        "s.yaml:10: plugins.score.label: is too long; give at most 5",
        "s.yaml:11: plugins.guard.limit: 12 is out of bounds; "
        "write 0 < limit <= 1 (unit share), 0.12 for 12 %",
        "s.yaml:11: plugins.guard.width: 2 is out of bounds; "
        "write 0 <= width <= 1 (unit price), 0.02 for 2 cents",
    ]


def test_an_optional_number_is_explained_by_its_number(problems):
    text = "plugins: {guard: {limit: 0.01, ceiling: %s}}\nprofiles: {paper: {}, production: {}}\n"
    assert problems(text % "-5") == [
        "s.yaml:1: plugins.guard.ceiling: -5 is out of bounds; write 0 < ceiling (unit usd)"
    ]
    assert problems(text % "'9 usd'") == [
        "s.yaml:1: plugins.guard.ceiling: expected a number or null (unit usd), "
        "got the text '9 usd'; write 9, the unit is usd"
    ]


def test_a_plugins_own_check_is_told_with_its_place(problems):
    text = """\
plugins:
  score:
    weights: [0.5, 0.4]
  guard: {limit: 0.01}
profiles: {paper: {}, production: {}}
"""
    assert problems(text) == ["s.yaml:2: plugins.score: the weights must sum to 1; correct it"]


def test_a_setting_without_default_must_stand_somewhere(problems, write, configs):
    text = "plugins:\n  guard: {}\nprofiles: {paper: %s, production: %s}\n"
    assert problems(text % ("{}", "{}")) == [
        "s.yaml:2: plugins.guard.limit: is missing and has no default; "
        "add it (largest loss [share]; production: at most 0.05)"
    ]
    both = text % ("{plugins: {guard: {limit: 0.2}}}", "{plugins: {guard: {limit: 0.02}}}")
    assert load_strategy(write(both), "paper", configs).plugins["guard"].limit == 0.2


def test_profiles_must_both_stand(problems):
    assert problems("plugins: {}\nprofiles:\n  paper: {}\n") == [
        "s.yaml:2: profiles.production: is missing and has no default; "
        "add it (what differs in production)"
    ]
    assert problems("plugins: {}\n") == [
        "s.yaml:1: profiles: is missing and has no default; add it"
    ]
    assert problems("plugins: {}\nprofiles: {paper: {}, production: {}, staging: {}}\n") == [
        "s.yaml:2: profiles.staging: is not a profile; the profiles are paper and production"
    ]


def test_an_unknown_profile_is_refused(problems, base):
    assert problems(base, "prod") == [
        "s.yaml:1: profiles: 'prod' is not a profile; choose one of paper, production"
    ]


def test_a_key_of_one_profile_must_stand_in_the_other(problems):
    text = """\
plugins: {guard: {limit: 0.01}}
profiles:
  paper:
    feed: {max_book_age_s: 120}
  production:
    plugins: {guard: {width: 0.02}}
"""
    assert problems(text) == [
        "s.yaml:4: profiles.paper.feed.max_book_age_s: stands in paper only; "
        "say profiles.production.feed.max_book_age_s too",
        "s.yaml:6: profiles.production.plugins.guard.width: stands in production only; "
        "say profiles.paper.plugins.guard.width too",
    ]


def test_a_profile_cannot_add_or_pin_a_plugin(problems):
    text = """\
plugins: {guard: {limit: 0.01}}
profiles:
  paper: {plugins: {score: {}, guard: {dist: a==1}}}
  production: {plugins: {score: {}, guard: {dist: a==1}}}
"""
    lines = problems(text)
    assert lines[1] == (
        "s.yaml:3: profiles.paper.plugins.score: a profile configures plugins and cannot add one; "
        "name it under plugins first"
    )
    assert lines[0].startswith("s.yaml:3: profiles.paper.plugins.guard.dist: unknown key; ")
    assert len(lines) == 4


def test_a_pin_names_distribution_and_version(problems, write):
    text = "plugins: {guard: {limit: 0.01, dist: %s}}\nprofiles: {paper: {}, production: {}}\n"
    assert problems(text % "guard") == [
        "s.yaml:1: plugins.guard.dist: 'guard' is not a pin; "
        "write distribution==version, such as my-plugin==1.2"
    ]
    for written, shown in (("guard == 1.2", "'guard == 1.2'"), ("3", "3"), ("", "null")):
        [line] = problems(text % written)
        assert line.startswith(f"s.yaml:1: plugins.guard.dist: {shown} is not a pin; ")
    assert named_plugins(write(text % "guard==1.2"))[0].dist == "guard==1.2"


def test_a_plugin_nobody_loaded_is_named(problems):
    assert problems("plugins: {ghost: {}}\nprofiles: {paper: {}, production: {}}\n") == [
        "s.yaml:1: plugins.ghost: no such plugin is loaded; "
        "install its distribution or remove the entry"
    ]


def test_plugin_names_are_names(write):
    with pytest.raises(StrategyError) as caught:
        named_plugins(write("plugins:\n  ../x: {}\n"))
    assert caught.value.problems == [
        "s.yaml:2: plugins.../x: is not a plugin name; "
        "use lower-case letters, digits and underscores"
    ]
    with pytest.raises(StrategyError, match=r"s\.yaml:1: plugins: is missing or not a mapping"):
        named_plugins(write("plugins: [score]\n"))


def test_look_alike_keys_are_named_with_the_key_that_was_meant(problems):
    assert problems("f\u0435\u0435d: {}" + TAIL) == [
        "s.yaml:1: f\u0435\u0435d: the key holds U+0435 (CYRILLIC SMALL LETTER IE); "
        "retype it in plain ASCII",
        "s.yaml:1: f\u0435\u0435d: unknown key; did you mean feed?",
    ]
    # A zero-width space is invisible; a full-width digit is not a number.
    assert "U+200B (ZERO WIDTH SPACE)" in problems("se\u200bed: 1" + TAIL)[0]
    assert "expected a whole number" in problems("seed: \uff11" + TAIL)[0]


def test_invisible_and_reordering_characters_are_refused(problems):
    for char, code in (("\u202e", "202E"), ("\x00", "0000"), ("\u2028", "2028")):
        assert problems(f"seed: 1\n# {char}\n" + TAIL) == [
            f"s.yaml:2: (file): holds the character U+{code}, which cannot be seen; remove it"
        ]


def test_messages_are_one_printable_line_whatever_the_file_holds(problems):
    for line in problems('"a\\nb\\e[31m": "x"\n"c\\rd": 1' + TAIL):
        assert line.isprintable()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a:\n\tb: 1\n", "s.yaml:2: (file): a tab is used for indentation; use spaces"),
        (
            "a: 1\n b: 2\n",
            "s.yaml:2: (file): is not valid YAML: mapping values are not allowed here; "
            "check the indentation, quotes, brackets and colons here",
        ),
        ("", "s.yaml:1: (file): is empty; start from strategies/maker.yaml"),
        ("# only a comment\n", "s.yaml:1: (file): is empty; start from strategies/maker.yaml"),
        (
            "- a\n",
            "s.yaml:1: (file): is not a mapping; write sections such as 'feed:'",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "s.yaml:2: (file): holds a second document; remove the '---' and below",
        ),
        (
            "%YAML 1.1\n---\na: 1\n",
            "s.yaml:2: (file): asks for another YAML than 1.2; remove the %YAML line",
        ),
        (
            "%TAG ! tag:x,2000:\n---\na: 1\n",
            "s.yaml:2: (file): declares tags; remove the %TAG line",
        ),
        (
            "? {a: 1}\n: 2\n",
            "s.yaml:1: (file): has a key that is not text; write 'key: value'",
        ),
        (b"a: 1\nb: \xff\n", "s.yaml:2: (file): is not UTF-8 (byte 0xff); save the file as UTF-8"),
        (
            b"#" * (MAX_BYTES + 1),
            "s.yaml:1: (file): is larger than 1 MiB; a strategy is a page or two, remove the rest",
        ),
    ],
)
def test_a_file_that_is_not_a_strategy(problems, text, line):
    assert problems(text) == [line]


def test_files_that_cannot_be_opened(write, tmp_path):
    write("")
    with pytest.raises(StrategyError, match=r"^no\.yaml:1: \(file\): there is no such file; "):
        named_plugins("no.yaml")
    with pytest.raises(StrategyError, match="is not a file; give the path of a strategy file"):
        named_plugins(tmp_path)


def test_nesting_and_size_bombs_are_refused(problems):
    assert "is nested deeper than 16 levels" in problems("a: " + "[" * 50_000)[0]
    assert "is nested deeper than 16 levels" in problems("{a: " * 1000)[0]
    assert f"has more than {MAX_NODES} values" in problems("a: [" + "1," * 400_000)[0]
    assert "has more than 20000 lines" in problems("#\n" * 500_000)[0]
    bomb = "a: &a [1]\n" + "".join(f"k{n}: &k{n} [*a,*a,*a,*a]\n" for n in range(300))
    lines = problems(bomb)
    assert lines[-1].endswith("more problems are not shown; mend those above first")
    assert len(lines) == 101


def test_all_problems_are_told_at_once_sorted_by_line(problems):
    text = """\
sead: 1
feed:
  ping_s: 10s
  ping_s: 9
  witness_share: .inf
plugins: {guard: {limit: 0.01}}
profiles:
  paper: {feed: {max_book_age_s: 700}}
  production: {feed: {max_book_age_s: 6}}
"""
    assert [line.split(": ")[0] for line in problems(text, "production")] == [
        "s.yaml:1",
        "s.yaml:3",
        "s.yaml:4",
        "s.yaml:5",
        "s.yaml:8",
        "s.yaml:9",
    ]


def test_what_is_below_a_duplicate_key_is_not_called_duplicate(problems):
    text = "feed: {ping_s: 5}\nfeed: {ping_s: 6}" + TAIL
    assert problems(text) == ["s.yaml:2: feed: stands twice, first in line 1; keep one of them"]


def test_a_config_class_that_cannot_be_used_is_the_plugins_fault(write, base):
    class Reserved(Config):
        dist: str = ""

    class Broken(Config):
        value: "Missing" = 1  # noqa: F821, UP037

    for config, message in (
        (Reserved, "reserves for the version pin"),
        (Broken, "no schema can be made of its Config"),
        (dict, "is no msgspec Struct"),
    ):
        with pytest.raises(PluginRefused, match=message):
            load_strategy(write(base), "paper", {"score": config, "guard": config})
