"""For plugin authors' tests: builders, books as ladders, scripted worlds, tapes, the contract.

What stands here is loaded when it is asked for: :mod:`polyframe.testing.builders` alone needs
neither pytest nor the engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polyframe.testing.contract import CHECKS, PluginContract, check_everything
    from polyframe.testing.ladder import book
    from polyframe.testing.scenario import Scenario
    from polyframe.testing.subject import CannotBeJudged, ContractBroken, Subject, subject_of
    from polyframe.testing.tape_player import TapePlayer

__all__ = [
    "CHECKS",
    "CannotBeJudged",
    "ContractBroken",
    "PluginContract",
    "Scenario",
    "Subject",
    "TapePlayer",
    "book",
    "check_everything",
    "subject_of",
]

_HOME = {
    "CHECKS": "contract",
    "CannotBeJudged": "subject",
    "ContractBroken": "subject",
    "PluginContract": "contract",
    "Scenario": "scenario",
    "Subject": "subject",
    "TapePlayer": "tape_player",
    "book": "ladder",
    "check_everything": "contract",
    "subject_of": "subject",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
