"""No null without a reason: a section names each by its key under ``nulls``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from markout_world import World
from polyframe import Plugin, ReportPeriod
from polyframe.testing.builders import NOW_NS, a_fill, a_market, a_plugin
from polyframe_maker import Maker
from polyframe_markout import Markout
from polyframe_parity_arb import ParityArb
from polyframe_portfolio_risk import PortfolioRisk
from polyframe_qs import Qs
from polyframe_rrs import Rrs
from polyframe_satellite import Satellite

PERIOD = ReportPeriod(day="2026-05-28", start_ns=NOW_NS, end_ns=NOW_NS + 10**9, facts={})


def nulls_of(value: Any, name: str = "") -> Iterator[str]:
    """Yield the name of every null; one in a list goes by the list's name."""
    if value is None:
        yield name
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from nulls_of(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from nulls_of(item, name)


def unexplained(section: dict[str, Any]) -> list[str]:
    told = {**section.get("nulls", {}), **section.get("measured", {}).get("nulls", {})}
    assert all(told.values())
    return sorted(set(nulls_of(section)) - set(told))


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Maker, {}),
        (Maker, {"policy": "logit"}),
        (Markout, {}),
        (Markout, {"rule": "mean"}),
        (ParityArb, {}),
        (PortfolioRisk, {}),
        (Qs, {}),
        (Rrs, {}),
        (Satellite, {}),
    ],
)
def test_a_plugin_that_has_seen_nothing_says_why_it_has_no_figures(
    kind: type[Plugin], settings: dict[str, Any]
) -> None:
    plugin: Any = a_plugin(kind, **settings)
    assert unexplained(plugin.report_section(PERIOD)) == []


@pytest.mark.parametrize("rule", ["bayes", "mean"])
def test_markouts_that_are_not_known_yet_say_why(rule: str) -> None:
    world = World(rule=rule, measure_resolution=True)
    assert unexplained(world.report()) == []
    world.fill(1.0)
    assert unexplained(world.report()) == []
    world.cluster(1.0)
    world.resolve("0xm1", 4000, 6000)
    assert unexplained(world.report()) == []


def test_scores_and_measures_that_are_not_known_say_why() -> None:
    qs: Any = a_plugin(Qs)
    qs.rank_markets([a_market()])
    assert list(nulls_of(qs.report_section(PERIOD)))
    assert unexplained(qs.report_section(PERIOD)) == []
    maker: Any = a_plugin(Maker, policy="logit")
    maker.on_fill(a_fill(), a_market(), NOW_NS)
    section = maker.report_section(PERIOD)
    assert list(nulls_of(section))
    assert unexplained(section) == []
