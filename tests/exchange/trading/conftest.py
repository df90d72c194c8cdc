"""A desk on a still crowd: the books are those of the simulation's first instant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from still_desk import StillDesk


@pytest.fixture
def still() -> StillDesk:
    """A desk whose crowd sends nothing by itself."""
    return StillDesk()


@pytest.fixture
def make_still() -> Callable[..., StillDesk]:
    """The same with other arguments."""
    return StillDesk
