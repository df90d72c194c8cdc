"""A plugin whose module reads the clock when it is imported; alone, so that no other is blamed."""

from __future__ import annotations

import time

from polyframe import Plugin, Veto, hookimpl

_STARTED_NS = time.time_ns()


class StartedAtImport(Plugin):
    api_versions = (1, 1)
    codes = ("startedatimport.young",)

    @hookimpl
    def pre_quote_veto(self, now_ns):
        return [Veto("startedatimport.young")] if now_ns < _STARTED_NS - 10**18 else None
