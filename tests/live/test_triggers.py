"""Every cancel-all trigger fired once, checked on the exchange's side (mission 3.13).

The exchange's registry of orders is what is believed: when orders came, when they were gone, and
that nothing rested whenever the run said that the book was proved empty.
"""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from triggers import TRIGGERS, Trigger, fire

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda one: one.name)
def test_a_trigger_empties_the_book_proves_it_and_clears(trigger: Trigger, folder) -> None:
    seen = anyio.run(partial(fire, trigger, folder))
    assert seen.proof_s < 10
    if trigger.name.startswith("kill switch"):
        # quant.md B6, at speed 1: to the last cancel, and to the proof.
        assert seen.empty_s < 1
        assert seen.proved_s < 10
