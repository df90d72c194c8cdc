"""Our own plugins under the contract that a stranger's plugin is held to."""

from __future__ import annotations

from polyframe.runtime.plugins import claimants
from polyframe.testing import PluginContract

for _claimant in claimants():
    if _claimant.is_own:
        _title = f"Test{_claimant.name.title().replace('_', '')}"
        globals()[_title] = type(_title, (PluginContract,), {"plugin": _claimant.name})
