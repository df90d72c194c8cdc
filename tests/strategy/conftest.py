from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest

from polyframe.errors import StrategyError
from polyframe.plugin import Config, setting
from polyframe.strategy import load_strategy
from written_limits import WRITTEN_LIMITS

BASE = """\
name: demo
feed:
  max_book_age_s: 5
plugins:
  score: {}
  guard:
    limit: 0.01
profiles:
  paper: {}
  production: {}
""" + WRITTEN_LIMITS  # fmt: skip


class Step(Config):
    after_s: Annotated[float, setting("when", unit="s", gt=0)]
    weight: Annotated[float, setting("how much", unit="share", ge=0)] = 0.5


class Score(Config):
    mode: Literal["plain", "statistical"] = "plain"
    weights: tuple[Annotated[float, setting("a weight", unit="share", ge=0)], ...] = (0.5, 0.5)
    steps: list[Step] = []
    by_category: dict[str, Annotated[float, setting("prior", unit="score", ge=0)]] = {}
    top: Annotated[int, setting("how many", unit="count", ge=1)] = 40
    label: Annotated[str, msgspec.Meta(max_length=5)] = "x"

    def __post_init__(self) -> None:
        if abs(sum(self.weights) - 1) > 1e-9:
            raise ValueError("the weights must sum to 1")


class Guard(Config):
    limit: Annotated[float, setting("largest loss", unit="share", gt=0, production_max=0.05)]
    width: Annotated[float, setting("width", unit="price", ge=0)] = 0.01
    ceiling: Annotated[float, setting("ceiling", unit="usd", gt=0, production_max=100)] | None = 50
    probing: Annotated[bool, setting("probe", unit="switch", production_max=0)] = False
    patience_h: Annotated[float, setting("patience", unit="h", gt=0, production_min=1)] = 2.0


@pytest.fixture
def configs():
    return {"score": Score, "guard": Guard}


@pytest.fixture
def base():
    return BASE


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a strategy file into the working directory, so that messages hold a short path."""
    monkeypatch.chdir(tmp_path)

    def writer(text, name="s.yaml"):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(data)
        return name

    return writer


@pytest.fixture
def problems(write, configs):
    """Return the problem lines of a strategy text under a profile; none is a failed test."""

    def ask(text, profile="paper", limits=WRITTEN_LIMITS):
        if profile == "production" and isinstance(text, str):
            text += limits
        with pytest.raises(StrategyError) as caught:
            load_strategy(write(text), profile, configs)
        assert caught.value.exit_code == 3
        assert str(caught.value).splitlines() == caught.value.problems
        return caught.value.problems

    return ask
