"""Our own plugins under the contract that a stranger's plugin is held to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from polyframe.runtime.claimants import claimants
from polyframe.testing import (
    CHECKS,
    ContractBroken,
    PluginContract,
    Scenario,
    Subject,
    subject_of,
)

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover

for _claimant in claimants():
    if _claimant.is_own:
        _title = f"Test{_claimant.name.title().replace('_', '')}"
        globals()[_title] = type(_title, (PluginContract,), {"plugin": _claimant.name})


PREDICTIONS = [
    {"market": market, "probability": probability, "confidence": 0.9, "robustness": 5, "tier": "A",
     "expiry": "2099-01-01T00:00:00Z"}
    for market, probability in (("0xm1", 0.9), ("0xm2", 0.05), ("0xfalling", 0.1), ("0xodd-1", 0.9))
]  # fmt: skip
# What the defaults leave out, and which check it is excused from: by choice the logit policy does
# not judge fills that were open at a stop (plugins/maker/README.md, Learning.as_document), and a
# markout this eager is for paper only.
VARIANTS = {
    "maker logit": ("maker", {"policy": "logit"}, {"a_restart_changes_no_vote"}),
    "markout mean": ("markout", {"rule": "mean", "min_fills": 3, "measure_resolution": True}, ()),
    "markout eager": (
        "markout",
        {"early_clusters": 3, "min_clusters": 5},
        {"is_built_under_both_profiles"},
    ),
    "parity_arb eager": ("parity_arb", {"min_crossed_s": 0.0}, ()),
    "satellite with predictions": ("satellite", {"predictions_file": "predictions.jsonl"}, ()),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_other_settings_keep_the_contract_too(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = "".join(f"{json.dumps(one)}\n" for one in PREDICTIONS)
    Path("predictions.jsonl").write_text(lines, encoding="utf-8")
    plugin, settings, excused = VARIANTS[variant]
    subject = subject_of(plugin, settings=settings, more=_traded)
    for name, check in CHECKS.items():
        if name not in excused:
            check(subject)
    assert all(_broken(subject, name) for name in excused), "an excuse that is no longer needed"


def _traded(world: Scenario) -> None:
    """Books deep enough to trade on, and a purchase of each trading component's."""
    for market in ("0xm1", "0xm2"):
        world.book("40c x 5000 | 41c x 5000", at_s=0, market=market, liquidity_usd=90_000.0)
        for number, component in enumerate(("arb", "satellite", "taker")):
            world.fill("bid", "41c", shares=20, at_s=1 + number, market=market, component=component)
        world.start_s += 10
    world.cycle(at_s=60)


def _broken(subject: Subject, name: str) -> bool:
    try:
        CHECKS[name](subject)
    except ContractBroken:
        return True
    return False
