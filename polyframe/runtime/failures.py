"""What becomes of a plugin that fails: counted, passed over, detached, or failing closed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import PurePath

import msgspec

POLICY_FAILURES_ALLOWED = 2
"""A policy is detached at the failure after these."""

TELLING_HOOKS = {"report_section": "section left out", "explain_quote": "readings left out"}
"""Hooks that only tell, and what becomes of an answer that cannot be used: nothing else depends
on them, so a broken one stops neither quoting nor guarding."""

GUARD_HOOKS = ("pre_quote_veto", "shape_quote")
POLICY_HOOKS = ("propose_quote", "propose_trades", "rank_markets")

_DETACHED = "detached"
_CLOSED = "vetoes every market"


class Outcome(Enum):
    """What a failure changed: nothing, or the plugin's place among those called."""

    KEPT = "kept"
    DETACHED = "detached"
    CLOSED = "closed"


class PluginProblem(msgspec.Struct, frozen=True):
    """How one plugin failed in one hook.

    ``message`` is the first failure's, ``count`` how often it failed there, ``action`` what was
    done last: ``vetoes this market``, ``vetoes every market``, ``no answer``, ``detached``,
    ``section left out``, ``readings left out``.
    """

    plugin: str
    hook: str
    message: str
    count: int
    action: str


class Failures:
    """Failures by plugin and hook, and who lost its place because of them.

    ``hooks`` says which hooks each plugin implements: that is what decides its part.
    """

    def __init__(
        self,
        hooks: Mapping[str, tuple[str, ...]],
        on_problem: Callable[[PluginProblem], None] | None = None,
    ) -> None:
        self._hooks = hooks
        self._on_problem = on_problem
        self._problems: dict[tuple[str, str], PluginProblem] = {}
        self._last: dict[str, str] = {}
        self._out: dict[str, Outcome] = {}

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """One entry per plugin and hook, in order of first failure."""
        return tuple(self._problems.values())

    def is_out(self, plugin: str) -> bool:
        """Whether the plugin is no longer called."""
        return plugin in self._out

    def is_detached(self, plugin: str) -> bool:
        """Whether the plugin was an observer or a policy and is no longer called."""
        return self._out.get(plugin) is Outcome.DETACHED

    def is_closed(self, plugin: str) -> bool:
        """Whether the plugin was a guard and now vetoes every market."""
        return self._out.get(plugin) is Outcome.CLOSED

    def last_message(self, plugin: str) -> str:
        """Return the plugin's latest failure as ``hook: message``."""
        return self._last[plugin]

    def add(self, plugin: str, hook: str, message: str, *, raised: bool) -> Outcome:
        """Count a failure and return what it changed.

        ``raised`` tells an exception, which may leave half-made state behind, from a wrong answer.
        """
        before = self._problems.get((plugin, hook))
        outcome, action = self._judge(plugin, hook, raised)
        if outcome is not Outcome.KEPT:
            self._out[plugin] = outcome
        problem = PluginProblem(
            plugin,
            hook,
            before.message if before else message,
            before.count + 1 if before else 1,
            action,
        )
        self._problems[plugin, hook] = problem
        self._last[plugin] = f"{hook}: {message}"
        if self._on_problem is not None and (before is None or before.action != action):
            self._on_problem(problem)
        return outcome

    def _judge(self, plugin: str, hook: str, raised: bool) -> tuple[Outcome, str]:
        implemented = self._hooks[plugin]
        if hook in TELLING_HOOKS:
            return Outcome.KEPT, TELLING_HOOKS[hook]
        if any(name in GUARD_HOOKS for name in implemented):
            if raised and hook != "pre_quote_veto":
                return Outcome.CLOSED, _CLOSED
            if hook in GUARD_HOOKS:
                return Outcome.KEPT, "vetoes this market"
            return self._judge_policy(plugin, Outcome.CLOSED, _CLOSED)
        if any(name in POLICY_HOOKS for name in implemented):
            return self._judge_policy(plugin, Outcome.DETACHED, _DETACHED)
        return Outcome.DETACHED, _DETACHED

    def _judge_policy(self, plugin: str, outcome: Outcome, action: str) -> tuple[Outcome, str]:
        # Counted over all hooks but those whose failures are answered on the spot.
        failures = sum(
            problem.count
            for problem in self._problems.values()
            if problem.plugin == plugin and problem.hook not in (*GUARD_HOOKS, *TELLING_HOOKS)
        )
        if failures < POLICY_FAILURES_ALLOWED:
            return Outcome.KEPT, "no answer"
        return outcome, action


def fault_text(fault: Exception | str) -> str:
    """Return a failure on one line of at most 300 characters; an exception with its place."""
    if isinstance(fault, str):
        return " ".join(fault.split())[:300]
    try:
        text = " ".join(str(fault).split())[:200]
    except Exception:  # noqa: BLE001 - a stranger's error may fail to print, and hide the first
        text = "(its message cannot be shown)"
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        code = trace.tb_frame.f_code
        place = f" ({PurePath(code.co_filename).name}:{trace.tb_lineno})"
    return f"{type(fault).__name__}: {text}{place}" if text else f"{type(fault).__name__}{place}"
