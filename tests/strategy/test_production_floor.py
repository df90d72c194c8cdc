"""Production never inherits a paper relaxation: not from base, profile, default, null or tape."""

from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.errors import StrategyError
from polyframe.plugin import Config, setting
from polyframe.strategy import load_strategy, strategy_from_resolved
from polyframe.strategy.loading import resolve
from polyframe.strategy.schema import resolved_schema
from polyframe.strategy.source import parse_source
from written_limits import WRITTEN_LIMITS

FLOOR = (
    "is looser than the production floor; write at most 5 (unit s) "
    "under profiles.production, no file can loosen it"
)


def text(base=None, paper=None, production=None):
    """A file of six lines; what asks for its problems writes the limits below them."""

    def feed(value):
        return "{}" if value is None else f"{{max_book_age_s: {value}}}"

    return (
        f"feed: {feed(base)}\nplugins: {{}}\nprofiles:\n"
        f"  paper: {{feed: {feed(paper)}}}\n  production: {{feed: {feed(production)}}}\n"
    )


def test_the_base_cannot_loosen_the_floor(problems):
    assert problems(text(base=120), "production") == [f"s.yaml:1: feed.max_book_age_s: 120 {FLOOR}"]


def test_the_production_profile_cannot_loosen_the_floor(problems):
    assert problems(text(paper=120, production=6), "production") == [
        f"s.yaml:5: profiles.production.feed.max_book_age_s: 6 {FLOOR}"
    ]


def test_base_and_profile_together_cannot_loosen_the_floor(problems):
    assert problems(text(base=120, paper=120, production=5.001), "production") == [
        f"s.yaml:5: profiles.production.feed.max_book_age_s: 5.001 {FLOOR}"
    ]


def test_a_default_cannot_lie_below_the_floor(write):
    class Loose(Config):
        age_s: Annotated[float, setting("age", unit="s", production_max=5)] = 100.0

    body = "plugins:\n  x: {}\nprofiles: {paper: {}, production: {}}\n"
    path = write(body + WRITTEN_LIMITS)
    assert load_strategy(path, "paper", {"x": Loose}).plugins["x"].age_s == 100.0
    with pytest.raises(StrategyError) as caught:
        load_strategy(path, "production", {"x": Loose})
    assert caught.value.problems == [f"s.yaml:2: plugins.x.age_s: 100.0 {FLOOR}"]


def test_null_switches_and_lower_bounds_have_floors_too(problems):
    body = "plugins: {guard: {limit: 0.01, %s}}\nprofiles: {paper: {}, production: {}}\n"
    for setting_, line in (
        ("ceiling: null", "null is looser than the production floor; write at most 100 (unit usd)"),
        ("probing: true", "true is looser than the production floor; write false"),
        ("patience_h: 0.5", "0.5 is looser than the production floor; write at least 1 (unit h)"),
    ):
        (found,) = problems(body % setting_, "production")
        assert line in found


def test_the_floor_of_a_list_holds_for_each_entry(write):
    class Horizons(Config):
        at_s: Annotated[tuple[float, ...], setting("horizons", unit="s", production_max=5)] = (1,)

    body = "plugins: {x: {at_s: [1, 6]}}\nprofiles: {paper: {}, production: {}}\n"
    path = write(body + WRITTEN_LIMITS)
    assert load_strategy(path, "paper", {"x": Horizons}).plugins["x"].at_s == (1.0, 6.0)
    with pytest.raises(StrategyError, match="a list is looser than the production floor"):
        load_strategy(path, "production", {"x": Horizons})


def test_a_tight_production_beside_a_loose_paper_is_fine(write):
    path = write(text(base=60, paper=120, production=5) + WRITTEN_LIMITS)
    assert load_strategy(path, "production", {}).settings.feed.max_book_age_s == 5
    assert load_strategy(path, "paper", {}).settings.feed.max_book_age_s == 120


def test_production_has_no_embedded_venue(problems, write):
    body = "venue: {fallback: embedded}\nplugins: {}\nprofiles: {paper: {}, production: {}}\n"
    assert load_strategy(write(body), "paper", {}).settings.venue.fallback == "embedded"
    assert problems(body, "production") == [
        "s.yaml:1: venue.fallback: production trades on the live venue or not at all; "
        "write none under profiles.production"
    ]


ages = st.none() | st.floats(0.001, 600).map(lambda age: round(age, 3))


@given(base=ages, both=st.none() | st.tuples(ages.filter(bool), ages.filter(bool)))
def test_whatever_the_file_says_production_stays_at_the_floor(base, both):
    paper, production = both or (None, None)
    source = parse_source(text(base, paper, production) + WRITTEN_LIMITS, "s.yaml")
    try:
        strategy = resolve(source, "production", {})
    except StrategyError:
        assert (production or base) > 5
    else:
        assert strategy.settings.feed.max_book_age_s <= 5


# --- what must be written ---------------------------------------------------------------------

SHORT = "plugins: {}\nprofiles: {paper: {}, production: {}}\n"


def test_production_wants_its_limits_written_one_line_each(problems, write):
    lines = problems(SHORT, "production", limits="")
    assert [line.partition(": must be written for production (")[0] for line in lines] == [
        "s.yaml:1: capital.bankroll_usd",
        "s.yaml:1: limits.max_daily_loss_usd",
        "s.yaml:1: limits.max_market_usd",
        "s.yaml:1: limits.max_open_orders",
        "s.yaml:1: limits.max_order_usd",
        "s.yaml:1: limits.max_total_usd",
    ]
    assert lines[4] == (
        "s.yaml:1: limits.max_order_usd: must be written for production (most one order may cost); "
        "add max_order_usd: VALUE (unit usd) to the file, the default is not enough"
    )
    assert load_strategy(write(SHORT), "paper", {}).settings.limits.max_order_usd == 100


def test_a_limit_may_stand_in_the_base_or_in_the_profile(write, problems):
    five = WRITTEN_LIMITS.replace("max_order_usd: 100, ", "")
    (line,) = problems("seed: 1\n" + SHORT, "production", limits=five)
    assert line.startswith("s.yaml:4: limits.max_order_usd: must be written for production")
    body = SHORT.replace("paper: {}", "paper: {limits: {max_order_usd: 5}}")
    body = body.replace("production: {}", "production: {limits: {max_order_usd: 6}}")
    path = write(body + five)
    assert load_strategy(path, "production", {}).settings.limits.max_order_usd == 6
    only_paper = SHORT.replace("paper: {}", "paper: {limits: {max_order_usd: 5}}")
    found = problems(only_paper, "production", limits=five)
    assert any("must be written" in line for line in found)
    empty = five.replace("limits: {", "limits: {max_order_usd: null, ")
    assert [
        "expected a number" in line for line in problems(SHORT, "production", limits=empty)
    ] == [True]


class Inner(Config):
    deep: Annotated[int, setting("deep", unit="count", production_required=True)] = 1


class Careful(Config):
    cap: Annotated[float, setting("cap", unit="usd", production_required=True)] | None = 1.0
    inner: Inner = Inner()


def test_a_plugins_setting_can_be_one_that_must_be_written(write, problems, configs):
    configs["x"] = Careful
    body = "plugins:\n  x: {%s}\nprofiles: {paper: {}, production: {}}\n"
    lines = problems(body % "", "production")
    assert [line.partition(": must be")[0] for line in lines] == [
        "s.yaml:2: plugins.x.cap",
        "s.yaml:2: plugins.x.inner.deep",
    ]
    whole = write(body % "cap: 2, inner: {deep: 3}" + WRITTEN_LIMITS)
    assert load_strategy(whole, "production", configs).plugins["x"].cap == 2
    described = resolved_schema({"x": Careful})["$defs"]["plugin.x.Inner"]["properties"]["deep"]
    assert described["description"] == "deep [count]; production: must be written"


def test_a_tape_needs_no_file_that_writes_them(write):
    strategy = load_strategy(write(SHORT + WRITTEN_LIMITS), "production", {})
    assert strategy_from_resolved(strategy.resolved, {}, "production", origin="s.yaml") == strategy
