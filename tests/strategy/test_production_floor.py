"""Production never inherits a paper relaxation: not from base, profile, default, null or tape."""

from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.errors import StrategyError
from polyframe.plugin import Config, setting
from polyframe.strategy import load_strategy
from polyframe.strategy.loading import resolve
from polyframe.strategy.source import parse_source

FLOOR = (
    "is looser than the production floor; write at most 5 (unit s) "
    "under profiles.production, no file can loosen it"
)


def text(base=None, paper=None, production=None):
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

    path = write("plugins:\n  x: {}\nprofiles: {paper: {}, production: {}}\n")
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

    path = write("plugins: {x: {at_s: [1, 6]}}\nprofiles: {paper: {}, production: {}}\n")
    assert load_strategy(path, "paper", {"x": Horizons}).plugins["x"].at_s == (1.0, 6.0)
    with pytest.raises(StrategyError, match="a list is looser than the production floor"):
        load_strategy(path, "production", {"x": Horizons})


def test_a_tight_production_beside_a_loose_paper_is_fine(write):
    path = write(text(base=60, paper=120, production=5))
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
    source = parse_source(text(base, paper, production), "s.yaml")
    try:
        strategy = resolve(source, "production", {})
    except StrategyError:
        assert (production or base) > 5
    else:
        assert strategy.settings.feed.max_book_age_s <= 5
