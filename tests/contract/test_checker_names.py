"""Annotations that only a type checker can judge are left to it."""

# ruff: noqa: F401 - names for the checker are read from the source, not used

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from polyframe.testing.annotations import annotation_faults
from polyframe.testing.checker_names import UNKNOWN, checker_names

if TYPE_CHECKING:
    from nowhere.types import Market, Quote

    import polyframe.views as seen
    from polyframe import BookView as Book
    from polyframe import MarketView as View

    Markets = list[Market]


class HasId(Protocol):
    """A view of one's own, narrower than what is given."""

    @property
    def market_id(self) -> str:
        """Which market."""
        ...


def faults(**annotations: Any) -> list[str]:
    def pre_quote_veto(self, quote, market, portfolio, now_ns):
        return None

    pre_quote_veto.__annotations__ = annotations
    return list(annotation_faults("pre_quote_veto", pre_quote_veto))


@pytest.mark.parametrize(
    "annotation", ["Market", "HasId", "HasId | None", "Market | None", "View", "seen.MarketView"]
)
def test_names_of_one_s_own_are_not_judged(annotation: str) -> None:
    assert faults(market=annotation) == []


def test_a_name_that_polyframe_has_too_is_still_one_s_own() -> None:
    assert faults(quote="Quote") == []


@pytest.mark.parametrize("annotation", ["Book", "seen.BookView"])
def test_names_of_polyframe_s_are_judged(annotation: str) -> None:
    [fault] = faults(market=annotation)
    assert "'market' is BookView, but it is given MarketView" in fault


def test_a_name_that_stands_nowhere_is_told() -> None:
    assert "cannot be read" in faults(market="Nowhere")[0]


def test_what_a_module_has_for_the_checker() -> None:
    names = checker_names(sys.modules[__name__])
    assert names["Market"] is names["Markets"] is UNKNOWN
    assert set(names) == {"seen", "Market", "Quote", "Book", "View", "Markets"}
    assert checker_names(None) == {}
